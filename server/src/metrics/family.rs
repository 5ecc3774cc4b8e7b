//! Metrics of counts that somebody else keeps: made anew whenever they are asked for.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// One metric with all its labels.
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    labels: &'static [&'static str],
    metrics: Vec<Metric>,
}

impl Family {
    /// A count that only grows; its name ends in `_total`.
    pub(super) fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, kind: MetricType::COUNTER, labels, metrics: Vec::new() }
    }

    /// A number that may go either way.
    pub(super) fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { kind: MetricType::GAUGE, ..Self::counter(name, help, labels) }
    }

    /// Adds a number under the values of the labels, in their order.
    pub(super) fn add(&mut self, values: &[&str], number: f64) {
        let mut metric = Metric::from_label(self.pairs(values));
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(number);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(number);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
    }

    fn pairs(&self, values: &[&str]) -> Vec<LabelPair> {
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        self.labels.iter().zip(values).map(pair).collect()
    }

    /// As Prometheus has it; none without a number.
    pub(super) fn into_proto(self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(self.metrics);
        Some(family)
    }
}

/// A histogram of counts by upper bound, ascending; what lies above the last bound is in `above`.
pub(super) fn histogram(
    name: &str,
    help: &str,
    counts: impl Iterator<Item = (f64, u64)>,
    above: u64,
    sum: f64,
) -> MetricFamily {
    let mut cumulative = 0;
    let buckets = counts.map(|(bound, count)| {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(cumulative + above);
    histogram.set_sample_sum(sum);
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(MetricType::HISTOGRAM);
    family.set_metric(vec![metric]);
    family
}
