//! The cost of the receiver, as ratios to something measured beside it in the same run.
//!
//!     scripts/with-postgres cargo bench --features receiver --bench receiver -- [--messages N] [--rounds N]
//!         [--clients N] [--stored N] [--stored-few N] [--requests N] [--verified N] [--verified-sessions N] [--shown N]
//!         [--only PART]
//!
//! Prints a markdown table on stdout, and what it is doing on stderr. The built receiver runs as a process and is spoken
//! to over HTTP, with bodies that were made and compressed beforehand; rounds of it and of what it is compared with
//! alternate, and a ratio is the median of the rounds' ratios. PostgreSQL is the one of HAN_SYNC_TEST_POSTGRES, for both
//! sides with the same settings: `scripts/with-postgres` starts one that does not wait for the disk (`fsync=off`), which
//! flatters neither.

#[path = "../../tests/support/mod.rs"]
mod support;

mod bodies;
mod cluster;
mod memory;
mod page;
mod proof;
mod queries;
mod speed;
mod stored;

/// Sizes; the defaults are the small form.
pub struct Sizes {
    /// Messages of one measurement.
    messages: usize,
    /// Measurements of each kind.
    rounds: usize,
    /// Clients at once, each a user with a key of their own.
    clients: usize,
    /// Messages in the fuller store.
    stored: usize,
    /// Messages in the emptier one.
    stored_few: usize,
    /// Large requests at once.
    requests: usize,
    /// Messages that are verified, and the sessions that they are in.
    verified: usize,
    verified_sessions: usize,
    /// Messages of the organization whose page is opened.
    shown: usize,
    /// `speed`, `stored`, `queries`, `proof`, `page`, `cluster` or `memory`; empty: all.
    only: String,
}

impl Sizes {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Sizes, String> {
        let mut sizes = Sizes {
            messages: 20_000,
            rounds: 5,
            clients: 8,
            stored: 1_000_000,
            stored_few: 100_000,
            requests: 64,
            verified: 100_000,
            verified_sessions: 1_000,
            shown: 100_000,
            only: String::new(),
        };
        let mut arguments = arguments.filter(|argument| argument != "--bench"); // cargo's own
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<usize>().map_err(|_| format!("{name}: {value} is no number"));
            match name.as_str() {
                "--messages" => sizes.messages = number()?,
                "--rounds" => sizes.rounds = number()?,
                "--clients" => sizes.clients = number()?,
                "--stored" => sizes.stored = number()?,
                "--stored-few" => sizes.stored_few = number()?,
                "--requests" => sizes.requests = number()?,
                "--verified" => sizes.verified = number()?,
                "--verified-sessions" => sizes.verified_sessions = number()?,
                "--shown" => sizes.shown = number()?,
                "--only" => sizes.only = value,
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        Ok(sizes)
    }
}

/// A part of the whole: its name, and what measures it.
type Part = (&'static str, fn(&Sizes) -> Vec<Measure>);

/// A line of the table.
pub struct Measure {
    /// Name of the measure.
    pub name: String,
    /// Value of the receiver.
    pub ours: String,
    /// Value of the baseline.
    pub against: String,
    /// Ratio of the two.
    pub ratio: String,
    /// Ratio that has to be met.
    pub target: String,
}

fn main() {
    let sizes = match Sizes::parse(std::env::args().skip(1)) {
        Ok(sizes) => sizes,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(64);
        }
    };
    let parts: [Part; 7] = [
        ("speed", speed::measure),
        ("stored", stored::measure),
        ("queries", queries::measure),
        ("proof", proof::measure),
        ("page", page::measure),
        ("cluster", cluster::measure),
        ("memory", memory::measure),
    ];
    let mut table = Vec::new();
    for (name, measure) in parts {
        if sizes.only.is_empty() || sizes.only == name {
            table.extend(measure(&sizes));
        }
    }
    println!("| measure | ours | against | ratio | target |");
    println!("| --- | --- | --- | --- | --- |");
    for Measure { name, ours, against, ratio, target } in table {
        println!("| {name} | {ours} | {against} | {ratio} | {target} |");
    }
}

/// The middle of some figures.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
