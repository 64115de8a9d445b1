//! The oracle. Every request carries only what was allowed to leave when a run could read it; and at rest
//! the receiver holds everything that is eligible, each thing once and as it is now.

use std::time::Instant;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::han::SECRET;
use super::received::{refusal, store_of, tenant_of};
use super::receiver::Stored;
use super::reference::{
    Certainty, Claims, Held, Reading, inclusion_of, is_eligible, path_of, same_message, same_task, silences,
    stops,
};
use super::runs::{Done, certainty, told};
use super::simulation::{Checked, Simulation};
use crate::support::Request;
use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::test_receiver::store::{StoredSession, UserStore};
use han_sync::protocol::{SyncSession, content_hash};

/// Runs of `all` that bring everything to rest, once nothing stands in the way: the first learns what is new, and sends;
/// after it, sessions that the receiver refuses are left alone.
const RUNS_TO_REST: usize = 3;

impl Simulation {
    /// Checks that everything in a request may leave by one of the readings that its run can have taken.
    pub fn check_request(
        &self,
        request: &Request,
        readings: &[Reading],
        by: &[Option<Claims>],
    ) -> Checked<()> {
        let body = request.body.as_deref().unwrap_or_default();
        if body.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()) {
            return Err("a secret has left".to_owned());
        }
        let folder = self.sandbox.home().display().to_string();
        if body.windows(folder.len()).any(|part| part == folder.as_bytes()) {
            return Err("a local path has left".to_owned());
        }
        for session in request.payload.iter().flat_map(|payload| &payload.sessions) {
            self.check_session(session, readings, by)
                .map_err(|why| format!("session {} has left: {why}", session.id))?;
        }
        Ok(())
    }

    fn check_session(
        &self,
        session: &SyncSession,
        readings: &[Reading],
        by: &[Option<Claims>],
    ) -> Checked<()> {
        let path = session.repo_remote.strip_prefix("https://").unwrap_or_default();
        // The readings in which it may leave, each with whether its text may.
        let allowed: Vec<(&Held, bool)> = readings
            .iter()
            .filter_map(|reading| {
                let held = reading.contents.sessions.get(&session.id)?;
                let counts_as = self.knowledge.paths(held).into_iter().chain(earlier(held, readings));
                let path = counts_as.flatten().find(|known| *known == path)?;
                Some((held, self.knowledge.permits(reading, held, path, by)?))
            })
            .collect();
        if allowed.is_empty() {
            return Err(format!(
                "it is not eligible as {path}, going by {by:?} and {:?}",
                readings[0].config
            ));
        }
        for message in &session.messages {
            let is_this = |held: &Held| {
                held.wire.messages.get(&message.id).is_some_and(|row| same_message(row, message))
            };
            let mut rows = allowed.iter().filter(|(held, _)| is_this(held)).peekable();
            if rows.peek().is_none() {
                return Err(format!("message {} is not in the database as {message:?}", message.id));
            }
            if let Some(content) = &message.content {
                if !rows.any(|(_, with_content)| *with_content) {
                    return Err(format!("message {} carries text", message.id));
                }
                if message.content_hash != content_hash(content) {
                    return Err(format!("message {} has another hash than its text", message.id));
                }
            }
        }
        for task in &session.tasks {
            let is_this = |held: &Held| held.wire.tasks.get(&task.id).is_some_and(|row| same_task(row, task));
            let mut rows = allowed.iter().filter(|(held, _)| is_this(held)).peekable();
            if rows.peek().is_none() {
                return Err(format!("task {} is not in the database as {task:?}", task.id));
            }
            let has_text = !task.subject.is_empty() || task.description.is_some();
            if has_text && !rows.any(|(_, with_content)| *with_content) {
                return Err(format!("task {} carries text", task.id));
            }
        }
        Ok(())
    }

    /// Lifts every fault, and runs until nothing is due; then everything must be where it belongs.
    pub fn come_to_rest(&mut self) -> Checked<()> {
        self.clear_script();
        self.bring_database_back();
        self.locks_next = false;
        // Long enough for every wait but that of sessions given up, and for the identity to be asked for again.
        self.sandbox.set_now(self.latest.max(self.sandbox.now()) + TimeDelta::hours(2));
        let mut report = Value::Null;
        for _ in 0..RUNS_TO_REST {
            report = self.run_for_rest(&["all", "--json"])?;
            self.leave_refused_alone(&report)?;
            if report["status"] == "success" && report["sessionsPending"] == 0 {
                break;
            }
        }
        if report["status"] != "success" || report["sessionsPending"] != 0 || report["messagesPending"] != 0 {
            return Err(format!("it does not come to rest: {report}"));
        }
        // It may have found nothing to say, and then says that.
        self.run_for_rest(&["--json"])?;
        let files = self.state_files();
        let requests: usize = self.servers.iter().map(|server| server.request_count()).sum();
        let idle = self.run_for_rest(&["--json"])?;
        let requests_after: usize = self.servers.iter().map(|server| server.request_count()).sum();
        if idle["attempts"] != 0 || requests != requests_after {
            return Err(format!("a run with nothing to do makes requests: {idle}"));
        }
        if files != self.state_files() {
            return Err(format!("a run with nothing to do writes files: {idle}"));
        }
        let reading = self.current_reading();
        let Some(real) = &self.real else {
            let user = if self.place().bob { "user-bob" } else { "user-alice" };
            return self.check_store(&reading, &self.server().store(user), &|_, _| false);
        };
        let kept = real.each_ref().map(|receiver| receiver.kept());
        for (nth, receiver) in real.iter().enumerate() {
            self.received[nth].oracle(&kept[nth])?;
            assert_sums_equal_a_recount(&receiver.store);
        }
        let kept = &kept[self.nth()];
        let is_refused = |id: &str, path: &str| self.refusal(kept, id, path, &reading).is_some();
        self.check_store(&reading, &store_of(kept, self.login()), &is_refused)
    }

    fn run_for_rest(&mut self, arguments: &[&str]) -> Checked<Value> {
        self.record_reading();
        let (before, place) = (self.before(), self.place());
        let since = Instant::now();
        let output = self.sandbox.command(arguments).output().expect("the program under test");
        self.pass_time_of(&output, since);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let is_fine = match output.status.code() {
            Some(0) => true,
            // What was refused is looked at.
            Some(65 | 75) => self.real.is_some() && arguments[0] == "all" && report["errors"] != json!([]),
            _ => false,
        };
        if !is_fine {
            return Err(format!("{arguments:?} at rest ends with {:?}: {}", output.status, told(&output)));
        }
        let certainty = certainty(&output).max(Certainty::Looked);
        self.account(&Done { before, place, sends: true, certainty })?;
        Ok(report)
    }

    /// A session that the real receiver refuses must be one that it may refuse. It is then dropped from the queue, as a
    /// user would do.
    fn leave_refused_alone(&mut self, report: &Value) -> Checked<()> {
        let errors = report["errors"].as_array().filter(|errors| !errors.is_empty());
        let (Some(errors), Some(receiver)) = (errors, self.real_receiver()) else { return Ok(()) };
        let kept = receiver.kept();
        let reading = self.current_reading();
        for error in errors {
            let id = error["sessionId"].as_str().unwrap_or_default();
            let held = reading.contents.sessions.get(id);
            let mut paths = held.map(|held| self.knowledge.paths(held)).into_iter().flatten().flatten();
            let is_due =
                |path| self.refusal(&kept, id, path, &reading).is_some_and(|code| error["code"] == code);
            if !paths.any(is_due) {
                return Err(format!("at rest it has an error that it must not have: {error}"));
            }
            let output = self.sandbox.command(&["queue", "--drop", id, "--json"]).output();
            let output = output.expect("the program under test");
            if output.status.code() != Some(0) {
                return Err(format!("a refused session cannot be dropped: {}", told(&output)));
            }
        }
        Ok(())
    }

    /// The code with which the real receiver must reject a session of this repository, if any.
    fn refusal(&self, kept: &Stored, id: &str, path: &str, reading: &Reading) -> Option<&'static str> {
        let inclusion = inclusion_of(path, &reading.config);
        let tenant = tenant_of(path, inclusion, self.login(), reading.claims);
        refusal(kept, self.login(), id, tenant)
    }

    fn check_store(
        &self,
        reading: &Reading,
        store: &UserStore,
        is_refused: &dyn Fn(&str, &str) -> bool,
    ) -> Checked<()> {
        for (id, held) in &reading.contents.sessions {
            let Some((path, with_content)) = self.must_be_there(reading, held) else { continue };
            if is_refused(id, path) {
                continue;
            }
            let Some(stored) = store.sessions.get(id) else {
                let has_anything = !held.wire.messages.is_empty();
                return Err(format!(
                    "session {id} of {path} is lost{}",
                    if has_anything { "" } else { " (it is empty)" }
                ));
            };
            judge_stored(held, stored, path, with_content).map_err(|why| format!("session {id}: {why}"))?;
        }
        Ok(())
    }

    /// The repository as which a session must be at the receiver, and whether with its text; `None` where it need not be
    /// there.
    fn must_be_there(&self, reading: &Reading, held: &Held) -> Option<(&'static str, bool)> {
        let id = &held.wire.id;
        let path = match &held.wire.remote {
            Some(remote) => path_of(remote)?,
            // The last one known holds.
            None => self.knowledge.sure.get(id)?,
        };
        let eligible = is_eligible(Some(path), &reading.config, Some(reading.claims.in_force()));
        let narrowed = self.knowledge.is_narrowed(reading, held, path, true, stops);
        let forgotten = self.received[self.nth()].forgotten.contains(&(self.login().to_owned(), id.clone()));
        let now = held.holding(Some(path));
        let left_alone =
            self.dropped.get(id).is_some_and(|then| then.iter().any(|then| !now.is_news_to(then)));
        if !eligible || narrowed || forgotten || left_alone {
            return None;
        }
        let with_content =
            reading.config.content && !self.knowledge.is_narrowed(reading, held, path, true, silences);
        Some((path, with_content))
    }
}

/// Earlier repositories, within the same run, of a session without a link.
fn earlier<'a>(held: &'a Held, readings: &'a [Reading]) -> impl Iterator<Item = Option<&'static str>> + 'a {
    let linked = readings.iter().filter(|_| held.wire.remote.is_none());
    let before = linked.filter_map(|reading| reading.contents.sessions.get(&held.wire.id));
    before.filter_map(|held| held.wire.remote.as_deref()).map(path_of)
}

/// Checks that the receiver holds a session as it is now.
fn judge_stored(held: &Held, stored: &StoredSession, path: &str, with_content: bool) -> Checked<()> {
    let (wire, fields) = (&held.wire, &stored.fields);
    let lost: Vec<&String> = wire.messages.keys().filter(|id| !stored.messages.contains_key(*id)).collect();
    if !lost.is_empty() {
        return Err(format!(
            "{} of {} messages are lost: {:?}",
            lost.len(),
            wire.messages.len(),
            &lost[..lost.len().min(3)]
        ));
    }
    let now = (format!("https://{path}"), &wire.status, &wire.slug, &wire.harness);
    let there = (fields.repo_remote.clone(), &fields.status, &fields.slug, &fields.harness);
    if now != there {
        return Err(format!("its fields are {now:?}, and at the receiver {there:?}"));
    }
    for task in wire.tasks.values() {
        let Some(there) = stored.tasks.get(&task.id) else { return Err(format!("task {} is lost", task.id)) };
        // The later state stands, also when the database goes back.
        let is_later = there.updated_at > task.updated_at;
        if !is_later && !same_task(task, there) {
            return Err(format!("a task is {task:?}, and at the receiver {there:?}"));
        }
        if !is_later && with_content && there.subject.is_empty() {
            return Err(format!("task {} has no text at the receiver", task.id));
        }
    }
    Ok(())
}
