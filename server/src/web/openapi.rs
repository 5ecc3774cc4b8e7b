//! `GET /openapi.json`: what HTTP serves, described for programs (OpenAPI 3.1).
//!
//! The description is a file that people write. Its paths are held to the routes here, its answers to those of a running
//! service by `tests/openapi.rs`.

use axum::http::header;
use axum::response::IntoResponse;

/// The description.
const DESCRIPTION: &str = include_str!("openapi.json");

/// Gives it.
pub(super) async fn describe() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use firsthand_analyzer::nature::Nature;
    use firsthand_analyzer::trust::Reason;
    use serde_json::Value;

    use super::*;

    fn description() -> Value {
        serde_json::from_str(DESCRIPTION).unwrap()
    }

    /// What is routed is described, and nothing else.
    #[test]
    fn the_paths_are_the_routes() {
        let source = include_str!("mod.rs");
        let routes = source.split(".route(\"").skip(1).map(|rest| {
            let (path, rest) = rest.split_once("\", ").unwrap();
            (path.to_owned(), rest.split('(').next().unwrap().to_owned())
        });
        let routes: BTreeSet<(String, String)> = routes.collect();
        let description = description();
        let mut described = BTreeSet::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            described.extend(methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())));
        }
        assert_eq!(described, routes);
        assert!(routes.len() >= 9, "{routes:?}");
    }

    #[test]
    fn it_describes_this_version_in_its_words() {
        let description = description();
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
        let verdict = &description["components"]["schemas"]["Verdict"]["properties"];
        let words = |of: &Value| -> Vec<String> {
            of["enum"].as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        assert_eq!(words(&verdict["nature"]), Nature::ALL.map(Nature::name));
        assert_eq!(words(&verdict["reason"]), Reason::ALL.map(Reason::name));
    }

    /// Every reference leads somewhere, and no part is there for nothing.
    #[test]
    fn its_references_are_whole() {
        let description = description();
        let mut used = BTreeSet::new();
        for rest in DESCRIPTION.split("\"#/components/schemas/").skip(1) {
            used.insert(rest.split('"').next().unwrap().to_owned());
        }
        let there: BTreeSet<String> =
            description["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(used, there);
    }
}
