//! The table at the end, in Markdown.

use std::fmt;
use std::time::Duration;

pub struct Table {
    title: String,
    rows: Vec<[String; 6]>,
}

impl Table {
    pub fn new(title: &str) -> Table {
        Table { title: title.to_owned(), rows: Vec::new() }
    }

    /// Our time in units of the other's.
    pub fn times(&mut self, what: &str, ours: Duration, against: &str, other: Duration, target: &str) {
        let ratio = ours.as_secs_f64() / other.as_secs_f64();
        self.row(what, &show(ours), against, &show(other), &format!("{ratio:.2}"), target);
    }

    /// Speed as a multiple of the other's.
    pub fn faster(&mut self, what: &str, ours: Duration, against: &str, other: Duration, target: &str) {
        let ratio = other.as_secs_f64() / ours.as_secs_f64();
        self.row(what, &show(ours), against, &show(other), &format!("{ratio:.2} times as fast"), target);
    }

    /// A figure with a bound of its own.
    pub fn amount(&mut self, what: &str, ours: &str, target: &str) {
        self.row(what, ours, "", "", "", target);
    }

    fn row(&mut self, what: &str, ours: &str, against: &str, other: &str, ratio: &str, target: &str) {
        self.rows.push([what, ours, against, other, ratio, target].map(str::to_owned));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n", self.title)?;
        writeln!(f, "| what | ours | against | its time | ratio | target |")?;
        writeln!(f, "| --- | ---: | --- | ---: | ---: | --- |")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// Seconds, or milliseconds where those read better.
fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}
