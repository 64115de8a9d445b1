//! Entries of the audit log, and their insertion.

use crate::hex;
use crate::receiver::store::database::{DbRole, Transaction};
use crate::receiver::store::error::{Result, StoreError};
use crate::receiver::store::open::{Store, with_retries};
use crate::receiver::store::sql::{Row, Value};
use crate::receiver::time;
use sha2::{Digest, Sha256};

/// Person or program behind an action.
#[derive(Debug, Clone)]
pub enum Actor {
    /// An operator's command, with the name of the operating system's user where it is known.
    Operator(Option<String>),
    /// A user, by id.
    User(String),
    /// The provider that people sign in through, whose groups decide on memberships.
    Provider,
    /// Nobody who is known.
    Unknown,
}

/// An action, before it is recorded.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Time of the action, in microseconds.
    pub at: i64,
    /// Person or program.
    pub actor: Actor,
    /// Name of the action, such as `key.create`.
    pub action: &'static str,
    /// Object of the action; people and organizations by their ids.
    pub target: String,
    /// Address of the client; absent for a command.
    pub address: Option<String>,
    /// `done`, `refused` or `partial`.
    pub outcome: &'static str,
    /// Number of equal actions that the entry stands for.
    pub count: i64,
}

/// Action of refused authentications.
pub const REFUSED_AUTHENTICATION: &str = "authentication";
/// Action of an entry about the distribution of the store, which may come before all data.
pub const DISTRIBUTION: &str = "store.distribute";
/// Columns that an entry's hash covers, in their order.
pub const HASHED_COLUMNS: &str = "entry, at, actor, action, target, address, outcome, count";
const INSERT: &str = "\
    INSERT INTO audit (tenant_id, entry, at, actor, action, target, address, outcome, count, hash) \
    VALUES ('audit', $1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Number and hash of the last entry.
pub const SELECT_LAST: &str =
    "SELECT entry, hash FROM audit WHERE tenant_id = 'audit' ORDER BY entry DESC LIMIT 1";

impl Actor {
    /// Actor of a command on this machine.
    pub fn operator() -> Actor {
        Actor::Operator(crate::user_database::name())
    }

    fn stored(&self) -> Option<String> {
        match self {
            Actor::Operator(Some(name)) => Some(format!("operator {name}")),
            Actor::Operator(None) => Some("operator".to_owned()),
            Actor::User(id) => Some(id.clone()),
            Actor::Provider => Some("provider".to_owned()),
            Actor::Unknown => None,
        }
    }
}

impl AuditEntry {
    /// An operator's command that was carried out.
    pub fn command(action: &'static str, target: impl Into<String>) -> AuditEntry {
        AuditEntry {
            at: time::now_us(),
            actor: Actor::operator(),
            action,
            target: target.into(),
            address: None,
            outcome: "done",
            count: 1,
        }
    }
}

impl AuditEntry {
    fn refused_authentications(address: Option<String>, at: i64, count: i64) -> AuditEntry {
        AuditEntry {
            at,
            actor: Actor::Unknown,
            action: REFUSED_AUTHENTICATION,
            target: "key".to_owned(),
            address,
            outcome: "refused",
            count,
        }
    }
}

impl Store {
    /// Records refused authentications: address, time and number of each entry.
    pub async fn record_refused_authentications(&self, refused: Vec<(String, i64, i64)>) -> Result<()> {
        with_retries(async || {
            let tx = self.db.write(DbRole::Directory).await?;
            for (address, at, count) in &refused {
                let entry = AuditEntry::refused_authentications(Some(address.clone()), *at, *count);
                record(&tx, &entry).await?;
            }
            tx.commit().await
        })
        .await
    }
}

/// Appends an entry to the log.
pub async fn record(tx: &Transaction, entry: &AuditEntry) -> Result<()> {
    // SQLite has one writer, so that its entries are a chain. In PostgreSQL writers do not wait for one another: entries
    // have random numbers, and grants protect them.
    let (number, hash) = match tx.is_sqlite() {
        true => {
            let last = tx.query_one(SELECT_LAST, &[]).await?;
            let last = last.map(|row| Ok::<_, StoreError>((row.int(0)?, row.opt_text(1)?))).transpose()?;
            let (number, before) = last.map_or((1, None), |(number, hash)| (number + 1, hash));
            (number, Some(hash_of(before.as_deref().unwrap_or_default(), number, &values(entry))))
        }
        false => (random_number()?, None),
    };
    let mut params = vec![Value::from(number)];
    params.extend(values(entry));
    params.push(hash.into());
    tx.execute(INSERT, &params).await.map(|_| ())
}

/// Takes all entries out of a log that holds only refused authentications, so that a restored chain can come before them. In
/// PostgreSQL they stay where they are.
pub async fn take_refused_authentications(tx: &Transaction) -> Result<Vec<AuditEntry>> {
    if !tx.is_sqlite() {
        return Ok(Vec::new());
    }
    let rows = tx.query("SELECT address, at, count FROM audit ORDER BY entry", &[]).await?;
    tx.execute("DELETE FROM audit", &[]).await?;
    let read =
        |row: &Row| Ok(AuditEntry::refused_authentications(row.opt_text(0)?, row.int(1)?, row.int(2)?));
    rows.iter().map(read).collect()
}

/// The values of an entry after its number, in the order of the columns.
fn values(entry: &AuditEntry) -> Vec<Value> {
    let target = entry.target.replace('\0', "\u{FFFD}");
    vec![
        entry.at.into(),
        entry.actor.stored().into(),
        entry.action.into(),
        target.into(),
        entry.address.clone().into(),
        entry.outcome.into(),
        entry.count.into(),
    ]
}

/// The hash of an entry: of the hash before it, and of its values, each with its length.
pub fn hash_of(before: &str, number: i64, values: &[Value]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(before);
    add(&number.to_string());
    for value in values {
        match value {
            Value::Text(text) => add(&format!("t{text}")),
            Value::Int(number) => add(&format!("i{number}")),
            Value::Null | Value::Bool(_) | Value::Texts(_) => add(""),
        }
    }
    hex::encode(&hash.finalize())
}

fn random_number() -> Result<i64> {
    let number = getrandom::u64().map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok((number >> 1) as i64)
}
