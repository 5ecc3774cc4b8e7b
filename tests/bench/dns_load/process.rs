//! What the kernel says of a process: the CPU time that it used and how often it rested, its descendants included.

use std::fs;
use std::io;
use std::time::Duration;

/// A process and its descendants, as they are now.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        for task in tasks(*pid) {
            let children = fs::read_to_string(format!("{task}/children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        at += 1;
    }
    found
}

fn tasks(pid: u32) -> Vec<String> {
    let Ok(folder) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    folder.flatten().map(|task| task.path().display().to_string()).collect()
}

/// CPU time that the threads of a process and its descendants have had so far, to the nanosecond.
///
/// Threads that ended in the meantime do not count: servers are measured between two points at which they run.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in family(pid).into_iter().flat_map(tasks) {
        let Ok(text) = fs::read_to_string(format!("{task}/schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    if nanoseconds == 0 {
        return Err(io::Error::other(format!("process {pid} is gone, or the kernel tells nothing of its CPU time")));
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// How often the threads of a process and its descendants have slept so far, having nothing to do.
pub(crate) fn rests(pid: u32) -> u64 {
    let one = |task: String| {
        let status = fs::read_to_string(format!("{task}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    };
    family(pid).into_iter().flat_map(tasks).filter_map(one).sum()
}
