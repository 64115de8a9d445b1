//! Two machines of one user, which begin with the same sessions, and a receiver. The world does what a history says, and keeps
//! account of what was forgotten.
//!
//! The clocks of the machines are this machine's and so many hours more, because the receiver goes by this machine's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::action::{Action, Command};
use crate::clocked_machine::ClockedMachine;
use crate::model::simulation::Checked;
use crate::support::han_db::Maker;
use crate::support::running_receiver::{RunningReceiver, TestStore};

/// A user's last word on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Kept,
    Forgotten,
    /// Nobody is left who knows, since a copy from before was restored.
    Unknown,
}

impl Wish {
    /// A session that was kept may be forgotten now.
    fn unless_kept(self) -> Wish {
        if self == Wish::Kept { Wish::Unknown } else { self }
    }
}

pub struct World {
    pub store: TestStore,
    receiver: Option<RunningReceiver>,
    pub machines: [ClockedMachine; 2],
    pub wishes: BTreeMap<String, Wish>,
    /// Sessions that were ever taken back.
    undone: BTreeSet<String>,
    /// Messages that a machine surely takes for delivered, by session.
    claims: [BTreeMap<String, BTreeSet<String>>; 2],
    backups: Vec<PathBuf>,
    /// True while a restored receiver may hold again what was forgotten since the backup.
    pub was_restored: bool,
    offset: TimeDelta,
    /// Stores of before a restore, which hold the backups.
    lost: Vec<TestStore>,
}

impl World {
    pub fn new(seed: u64, store: TestStore) -> World {
        store.admin("org create acme --owner github.com/acme-corp");
        store.admin("user create alice --org acme");
        let key = store.key("alice");
        let receiver = store.serve_with(&["--rate", "1000000"]);
        let one = ClockedMachine::new(&receiver, &key);
        one.db.make(|maker| *maker = Maker::new(seed));
        for messages in 1..=3 {
            one.add_session(messages);
        }
        let two = one.copy(&receiver, &key);
        two.db.make(|maker| *maker = Maker::new(seed ^ u64::MAX));
        World {
            wishes: one.db.sessions().into_iter().map(|id| (id, Wish::Kept)).collect(),
            store,
            receiver: Some(receiver),
            machines: [one, two],
            undone: BTreeSet::new(),
            claims: Default::default(),
            backups: Vec::new(),
            was_restored: false,
            offset: TimeDelta::zero(),
            lost: Vec::new(),
        }
    }

    pub fn live(mut self, history: &[Action]) -> Checked<()> {
        for action in history {
            self.apply(*action)
                .and_then(|()| self.check_forgotten())
                .map_err(|why| format!("{action:?}: {why}"))?;
        }
        self.come_to_rest()
    }

    /// Sets both clocks.
    fn tick(&self) {
        self.machines.iter().for_each(|machine| machine.sandbox.set_now(Utc::now() + self.offset));
    }

    pub fn pass(&mut self, hours: u32) {
        self.offset += TimeDelta::hours(hours.into());
    }

    fn session(&self, machine: usize, n: usize) -> String {
        let sessions = self.machines[machine].db.sessions();
        sessions[n % sessions.len()].clone()
    }

    fn apply(&mut self, action: Action) -> Checked<()> {
        match action {
            Action::NewSession(machine, messages) => {
                let id = self.machines[machine].add_session(messages);
                self.wishes.insert(id, Wish::Kept);
            }
            Action::Insert(machine, session, count) => {
                let session = self.session(machine, session);
                self.machines[machine].add_messages(&session, count);
            }
            Action::Run(machine, command) => self.run(machine, command)?,
            Action::Kill(machine, command, hundredths) => {
                self.kill(machine, command, Duration::from_micros(hundredths * 10))?;
            }
            Action::LoseMessage(n) => self.lose_message(n),
            Action::LoseSession(n) => self.change_session(n, |id| {
                let tables = ["messages", "tasks", "metrics", "usages", "sessions"];
                let delete = |table| format!("DELETE FROM {table} WHERE session_id = '{id}';");
                tables.map(delete).concat()
            }),
            Action::CorruptDigest(n) => self.change_session(n, |id| {
                format!("UPDATE sessions SET digest = -digest / 2 + 1 WHERE session_id = '{id}'")
            }),
            Action::CorruptSum(n) => self.change_session(n, |id| {
                format!("UPDATE metrics SET messages = messages + 3 WHERE session_id = '{id}'")
            }),
            Action::Repair => drop(self.store.admin("check --repair")),
            Action::Backup => {
                let path = self.store.folder.path().join(format!("backup-{}", self.backups.len()));
                self.store.admin(&format!("backup {}", path.display()));
                self.backups.push(path);
            }
            Action::RestoreBackup => self.restore_backup(),
            Action::CopyState(machine) => {
                let path = self.machines[machine].sandbox.state_path();
                if path.exists() {
                    fs::copy(&path, path.with_extension("copy")).unwrap();
                }
            }
            Action::RestoreState(machine) => self.restore_state(machine),
            Action::Hours(hours) => self.pass(hours),
        }
        Ok(())
    }

    fn arguments(&self, machine: usize, command: Command) -> Vec<String> {
        let one = |n: usize| self.session(machine, n);
        let words = match command {
            Command::Scheduled => vec![],
            Command::Reset => vec!["reset".to_owned()],
            Command::Verify => vec!["verify".to_owned()],
            Command::VerifyRepair => ["verify", "--repair"].map(str::to_owned).into(),
            Command::Forget(n) => ["forget", "--yes", "--session", &one(n)].map(str::to_owned).into(),
            Command::ForgetAll => ["forget", "--yes", "--all"].map(str::to_owned).into(),
            Command::Undo(n) => ["forget", "--undo", "--session", &one(n)].map(str::to_owned).into(),
            Command::UndoAll => ["forget", "--undo", "--all"].map(str::to_owned).into(),
        };
        words.into_iter().chain(["--json".to_owned()]).collect()
    }

    /// Runs a command to its end.
    pub fn run(&mut self, machine: usize, command: Command) -> Checked<()> {
        self.tick();
        let arguments = self.arguments(machine, command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let concerned = self.concerned(machine, command);
        let (lacks, may_lack) = (self.lacks(machine), self.may_lack(machine));
        let outcome = self.machines[machine].sandbox.run(&arguments);
        let said =
            || format!("{arguments:?} ends with {}: {} {}", outcome.code, outcome.stdout, outcome.stderr);
        match command {
            Command::Verify => {
                let is_expected = match outcome.code {
                    0 => !lacks,
                    65 => may_lack,
                    _ => false,
                };
                let told = || format!("{}, where the receiver lacks something: {lacks}, {may_lack}", said());
                is_expected.then_some(()).ok_or_else(told)?;
            }
            _ if outcome.code != 0 => return Err(said()),
            Command::VerifyRepair if self.lacks(machine) => {
                return Err(format!("{}, and repairs nothing", said()));
            }
            Command::Scheduled => self.record_claims(machine),
            Command::Reset => self.claims[machine].clear(),
            _ => {}
        }
        self.decide(command, &concerned);
        Ok(())
    }

    /// Kills a command, and has the next run carry out what it began. What it was then is what the receiver says.
    fn kill(&mut self, machine: usize, command: Command, after: Duration) -> Checked<()> {
        self.tick();
        let arguments = self.arguments(machine, command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let concerned = self.concerned(machine, command);
        let mut child = self.machines[machine].sandbox.command(&arguments).spawn().expect("the exporter");
        // The place of the kill is left to chance; whatever it is, the same must hold.
        std::thread::sleep(after);
        let _ = child.kill();
        let _ = child.wait();
        if command == Command::Reset || command.decides() {
            self.claims[machine].clear();
        }
        self.run(machine, Command::Scheduled)?;
        let forgotten = self.tombstones();
        let (gone, kept): (BTreeSet<String>, BTreeSet<String>) =
            concerned.into_iter().partition(|id| forgotten.contains(id));
        if command.decides() {
            self.decide(Command::ForgetAll, &gone);
            self.decide(Command::UndoAll, &kept);
        }
        Ok(())
    }

    /// The sessions that a command forgets or takes back. What is to become of sessions that nobody has sent is unknown
    /// after `forget --all`: the receiver has no tombstone of them, and the other machine learns of them later.
    fn concerned(&mut self, machine: usize, command: Command) -> BTreeSet<String> {
        match command {
            Command::Forget(n) | Command::Undo(n) => BTreeSet::from([self.session(machine, n)]),
            Command::UndoAll => self.wishes.keys().cloned().collect(),
            Command::ForgetAll => {
                let there = self.stored();
                for id in self.machines[machine].db.sessions().iter().filter(|id| !there.contains_key(*id)) {
                    self.wishes.entry(id.clone()).and_modify(|wish| *wish = wish.unless_kept());
                }
                self.wishes.keys().filter(|id| there.contains_key(*id)).cloned().collect()
            }
            _ => BTreeSet::new(),
        }
    }

    fn decide(&mut self, command: Command, concerned: &BTreeSet<String>) {
        let wish = match command {
            Command::Forget(_) | Command::ForgetAll => Wish::Forgotten,
            Command::Undo(_) | Command::UndoAll => Wish::Kept,
            _ => return,
        };
        let by_name = matches!(command, Command::Forget(_) | Command::Undo(_));
        for id in concerned
            .iter()
            .filter(|id| by_name || self.wishes[*id] != Wish::Unknown)
            .cloned()
            .collect::<Vec<_>>()
        {
            if wish == Wish::Kept && self.wishes[&id] != Wish::Kept {
                self.undone.insert(id.clone());
                self.claims.iter_mut().for_each(|claims| drop(claims.remove(&id)));
            }
            self.wishes.insert(id, wish);
        }
    }

    fn lose_message(&mut self, n: usize) {
        let rows =
            self.store.query("SELECT session_id, message_id FROM messages ORDER BY session_id, message_id");
        if rows.is_empty() {
            return;
        }
        let [session, message] = [0, 1].map(|column: usize| rows[n % rows.len()][column].clone().unwrap());
        self.store.execute(&format!(
            "DELETE FROM messages WHERE session_id = '{session}' AND message_id = '{message}'"
        ));
    }

    fn change_session(&mut self, n: usize, change: impl Fn(&str) -> String) {
        let ids: Vec<String> = self.stored().into_keys().collect();
        if let Some(id) = ids.get(n % ids.len().max(1)) {
            self.store.execute(&change(id));
        }
    }

    /// Restores the last backup, in place of a receiver that is lost.
    fn restore_backup(&mut self) {
        let Some(backup) = self.backups.last().cloned() else { return };
        drop(self.receiver.take());
        let restored = self.store.another();
        let (code, _, stderr) = restored.try_admin(&format!("restore {}", backup.display()));
        assert!(matches!(code, 0 | 65), "what was damaged is damaged there: {code}: {stderr}");
        assert!(code == 0 || stderr.contains("admin check --repair"), "{stderr}");
        let receiver = restored.serve_with(&["--rate", "1000000"]);
        self.machines.iter().for_each(|machine| machine.move_to(&receiver));
        self.receiver = Some(receiver);
        self.lost.push(std::mem::replace(&mut self.store, restored));
        self.was_restored = true;
        self.forget_what_nobody_knows();
        // An undo may be lost, and by the receiver's clock a tombstone that is asserted again may be from before one.
        for id in &self.undone {
            self.wishes.insert(id.clone(), Wish::Unknown);
        }
    }

    /// Puts an older state in the place of a machine's.
    fn restore_state(&mut self, machine: usize) {
        let path = self.machines[machine].sandbox.state_path();
        let copy = path.with_extension("copy");
        if !copy.exists() {
            return;
        }
        fs::copy(copy, &path).unwrap();
        self.machines[machine].move_to(self.receiver.as_ref().expect("a receiver"));
        self.claims[machine].clear();
        self.forget_what_nobody_knows();
        let undone =
            self.store.query("SELECT session_id FROM session_locations WHERE restored_at IS NOT NULL");
        let undone: BTreeSet<String> = undone.into_iter().map(|mut row| row.remove(0).unwrap()).collect();
        for id in self.own_tombstones(machine, true).difference(&undone) {
            if self.wishes.get(id) == Some(&Wish::Kept) {
                self.wishes.insert(id.clone(), Wish::Unknown);
            }
        }
    }

    /// Nothing is known of a forgotten session whose tombstone neither the receiver has nor the machine that it was forgotten on.
    fn forget_what_nobody_knows(&mut self) {
        let mut known = self.tombstones();
        (0..2).for_each(|machine| known.extend(self.own_tombstones(machine, false)));
        for (id, wish) in &mut self.wishes {
            if *wish == Wish::Forgotten && !known.contains(id) {
                *wish = Wish::Unknown;
            }
        }
    }

    /// Tombstones in a machine's state, with those that it has learned or without.
    fn own_tombstones(&self, machine: usize, with_learned: bool) -> BTreeSet<String> {
        let Ok(text) = fs::read_to_string(self.machines[machine].sandbox.state_path()) else {
            return BTreeSet::new();
        };
        let state: Value = serde_json::from_str(&text).unwrap();
        let tombstones = state["tombstones"].as_object().cloned().unwrap_or_default().into_iter();
        tombstones.filter(|(_, it)| with_learned || it["isLearned"] != true).map(|(id, _)| id).collect()
    }

    /// Sessions with a tombstone at the receiver.
    fn tombstones(&self) -> BTreeSet<String> {
        let rows =
            self.store.query("SELECT session_id FROM session_locations WHERE forgotten_at IS NOT NULL");
        rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
    }

    /// Ids of the stored messages, by session.
    pub fn stored(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut stored: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in self.store.query(
            "SELECT session_id, NULL FROM sessions UNION ALL SELECT session_id, message_id FROM messages",
        ) {
            stored.entry(row[0].clone().unwrap()).or_default().extend(row[1].clone());
        }
        stored
    }

    fn ids(&self, machine: usize, session: &str) -> BTreeSet<String> {
        self.machines[machine].db.message_ids(session).into_iter().collect()
    }

    /// Sessions that nobody forgot, by the receiver and by a machine.
    fn sendable(&self, machine: usize) -> Vec<String> {
        let (there, here) = (self.tombstones(), self.own_tombstones(machine, true));
        let mut ids = self.machines[machine].db.sessions();
        ids.retain(|id| !there.contains(id) && !here.contains(id));
        ids
    }

    fn record_claims(&mut self, machine: usize) {
        let claims = self.sendable(machine).into_iter().map(|id| (id.clone(), self.ids(machine, &id)));
        self.claims[machine] = claims.collect();
    }

    /// True if the receiver lacks what a machine surely takes for delivered.
    fn lacks(&self, machine: usize) -> bool {
        let stored = self.stored();
        let lacks = |id: &String, claimed: &BTreeSet<String>| {
            stored.get(id).is_none_or(|ids| !claimed.is_subset(ids))
        };
        let claims = &self.claims[machine];
        self.sendable(machine)
            .iter()
            .any(|id| claims.get(id).is_some_and(|it| !it.is_empty() && lacks(id, it)))
    }

    /// True if the receiver lacks anything that a machine may take for delivered.
    fn may_lack(&self, machine: usize) -> bool {
        let stored = self.stored();
        self.machines[machine].db.sessions().iter().any(|id| {
            let ids = self.ids(machine, id);
            stored.get(id).is_none_or(|stored| !ids.is_subset(stored))
        })
    }

    /// Checks that nothing is stored of a forgotten session.
    pub fn check_forgotten(&self) -> Checked<()> {
        let stored = self.stored();
        let is_back = |(id, wish): &(&String, &Wish)| **wish == Wish::Forgotten && stored.contains_key(*id);
        match self.wishes.iter().find(is_back).filter(|_| !self.was_restored) {
            Some((id, _)) => Err(format!("session {id} was forgotten and is stored")),
            None => Ok(()),
        }
    }
}
