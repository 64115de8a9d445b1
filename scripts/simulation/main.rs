//! Simulates clients that deliver at an interval, an outage of the receivers, and the herd after it. No database, no socket: a
//! second is a step, a client is due in one of them, and the receivers take so many requests in each.
//!
//! Clients behave as `han-sync` does: a scheduled run with something to send waits a random part of the splay, repeats a fault after 1, 2, 4… s
//! while its budget of 60 s lasts, and leaves the rest to the first scheduled run after a wait that doubles up to an hour.

use std::collections::VecDeque;

const BUDGET_S: u64 = 60;
const WAIT_MAX_S: u64 = 3_600;
/// Share of an idle client's runs that are its hourly contact, at an interval of five minutes.
const CONTACTS: f64 = 1.0 / 12.0;
/// Seconds of work that wait for a permit before a request is sent away with 503.
const WAITING_S: u64 = 5;

struct Options {
    clients: usize,
    interval_s: u64,
    splay_s: u64,
    /// Share of the clients with something new in an interval.
    active: f64,
    /// Requests in a second that all receivers together serve.
    capacity: u64,
    outage_s: u64,
    /// True if all clients are due in the same second, as under cron; else each has a second of its own, as under a timer.
    is_aligned: bool,
}

#[derive(Clone, Default)]
struct Client {
    run_began_s: u64,
    attempts: u32,
    next_retry_s: u64,
    has_work: bool,
    is_running: bool,
}

/// Pseudorandom numbers, the same in each run of the program.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() * limit as f64) as u64
    }
}

/// Numbers of a stretch of time.
#[derive(Default)]
struct Tally {
    seconds: u64,
    requests: u64,
    peak: u64,
    sent_away: u64,
    served: u64,
}

impl Tally {
    fn add(&mut self, requests: u64, sent_away: u64, served: u64) {
        self.seconds += 1;
        self.requests += requests;
        self.peak = self.peak.max(requests);
        self.sent_away += sent_away;
        self.served += served;
    }

    fn text(&self) -> String {
        format!(
            "{:>9.0} requests/s on average, {:>8} in the worst second, {:>9} sent away, {:>9} served",
            self.requests as f64 / self.seconds.max(1) as f64,
            self.peak,
            self.sent_away,
            self.served
        )
    }
}

struct Simulation {
    options: Options,
    random: Random,
    clients: Vec<Client>,
    /// Clients by the second in which they send, and by that in which they are due next.
    sending: Vec<Vec<u32>>,
    due: Vec<Vec<u32>>,
    waiting: VecDeque<u32>,
}

impl Simulation {
    fn new(options: Options, seconds: u64) -> Simulation {
        let slots = (seconds + options.interval_s + options.splay_s + WAIT_MAX_S + 2) as usize;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut due = vec![Vec::new(); slots];
        for client in 0..options.clients {
            let second = if options.is_aligned { 0 } else { random.below(options.interval_s) };
            due[second as usize].push(client as u32);
        }
        let clients = vec![Client::default(); options.clients];
        Simulation { options, random, clients, sending: vec![Vec::new(); slots], due, waiting: VecDeque::new() }
    }

    /// Begins the scheduled runs of a second.
    fn schedule(&mut self, now: u64) {
        for id in std::mem::take(&mut self.due[now as usize]) {
            self.due[(now + self.options.interval_s) as usize].push(id);
            let is_new = self.random.next() < self.options.active.max(CONTACTS);
            let client = &mut self.clients[id as usize];
            client.has_work |= is_new;
            if client.has_work && !client.is_running && client.next_retry_s <= now {
                let begins = now + self.random.below(self.options.splay_s + 1);
                client.is_running = true;
                client.run_began_s = begins;
                self.sending[begins as usize].push(id);
            }
        }
    }

    /// Notes a fault of a client's request.
    fn fail(&mut self, id: u32, now: u64) {
        let jitter = 1.0 - 0.2 * self.random.next();
        let client = &mut self.clients[id as usize];
        client.attempts += 1;
        let full = (1u64 << (client.attempts - 1).min(31)).min(WAIT_MAX_S);
        let wait = if full == WAIT_MAX_S { full } else { ((full as f64 * jitter).round() as u64).max(1) };
        if now + wait <= client.run_began_s + BUDGET_S {
            self.sending[(now + wait) as usize].push(id);
        } else {
            client.is_running = false;
            client.next_retry_s = now + wait;
        }
    }

    /// Answers the requests of a second. Returns how many came, were sent away, and were served.
    fn answer(&mut self, now: u64, is_down: bool) -> (u64, u64, u64) {
        let arrived = std::mem::take(&mut self.sending[now as usize]);
        let requests = arrived.len() as u64;
        let mut sent_away = 0;
        let room = if is_down { 0 } else { self.options.capacity * WAITING_S };
        for id in arrived {
            if (self.waiting.len() as u64) < room {
                self.waiting.push_back(id);
            } else {
                sent_away += 1;
                self.fail(id, now);
            }
        }
        let served = if is_down { 0 } else { self.options.capacity.min(self.waiting.len() as u64) };
        for id in self.waiting.drain(..served as usize) {
            let client = &mut self.clients[id as usize];
            (client.has_work, client.is_running, client.attempts, client.next_retry_s) = (false, false, 0, 0);
        }
        (requests, sent_away, served)
    }

    fn backlog(&self) -> usize {
        self.clients.iter().filter(|client| client.has_work).count()
    }
}

/// Runs an hour before the outage, the outage, and until the backlog is as it was. Prints a line for each.
fn run(options: Options) {
    let (outage, interval) = (options.outage_s, options.interval_s);
    let (before, after) = (3_600, 4 * 3_600);
    println!(
        "{} clients every {} s, splay {} s, {}, {:.0} % with something new, {} requests/s served, outage of {} s",
        options.clients,
        interval,
        options.splay_s,
        if options.is_aligned { "due in one second" } else { "due in seconds of their own" },
        options.active * 100.0,
        options.capacity,
        outage
    );
    let mut simulation = Simulation::new(options, before + outage + after);
    let [mut steady, mut down, mut herd] = [Tally::default(), Tally::default(), Tally::default()];
    let (mut usual, mut drained) = (0, None);
    for now in 0..before + outage + after {
        let is_down = (before..before + outage).contains(&now);
        simulation.schedule(now);
        let (requests, sent_away, served) = simulation.answer(now, is_down);
        // The first interval begins with nobody at work.
        if now < before && now >= interval {
            steady.add(requests, sent_away, served);
            if now % interval == interval / 2 {
                usual = usual.max(simulation.backlog());
            }
        } else if is_down {
            down.add(requests, sent_away, served);
        } else if now >= before {
            herd.add(requests, sent_away, served);
            let is_sample = now % interval == interval / 2;
            if drained.is_none() && is_sample && simulation.backlog() <= usual + usual / 100 + 1 {
                drained = Some(now - before - outage);
            }
        }
        if now + 1 == before + outage {
            println!("  backlog at the end of the outage: {} clients", simulation.backlog());
        }
        if drained.is_some() {
            break;
        }
    }
    println!("  usual    {}", steady.text());
    println!("  outage   {}", down.text());
    println!("  after    {}", herd.text());
    match drained {
        Some(seconds) => println!("  drained within {} min", seconds.div_ceil(60)),
        None => println!("  not drained within {} h", after / 3_600),
    }
}

fn main() {
    let mut options = Options {
        clients: 1_000_000,
        interval_s: 300,
        splay_s: 60,
        active: 0.3,
        capacity: 5_000,
        outage_s: 3_600,
        is_aligned: true,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--own-seconds" {
            options.is_aligned = false;
            continue;
        }
        let value: f64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or_else(|| usage());
        match name.as_str() {
            "--clients" => options.clients = value as usize,
            "--interval" => options.interval_s = value as u64,
            "--splay" => options.splay_s = value as u64,
            "--active" => options.active = value,
            "--capacity" => options.capacity = value as u64,
            "--outage" => options.outage_s = value as u64,
            _ => usage(),
        }
    }
    run(options);
}

fn usage() -> ! {
    eprintln!("usage: simulate-clients [--clients N] [--interval S] [--splay S] [--active SHARE] [--capacity N] [--outage S] [--own-seconds]");
    std::process::exit(64);
}
