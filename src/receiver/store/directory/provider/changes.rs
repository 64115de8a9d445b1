//! Changes by a sign-in, in the audit log: the provider is their actor, and they carry the address of the browser.

use crate::receiver::store::audit::{Actor, AuditEntry, record};
use crate::receiver::store::database::Transaction;
use crate::receiver::store::error::Result;
use std::net::IpAddr;

/// The transaction of a sign-in, whose changes are recorded.
pub struct RecordedChanges<'t> {
    pub tx: &'t Transaction,
    /// Address of the browser.
    pub address: Option<IpAddr>,
}

impl RecordedChanges<'_> {
    /// Records a change.
    pub async fn record(&self, action: &'static str, target: String) -> Result<()> {
        let entry = AuditEntry::command(action, target);
        let address = self.address.map(|address| address.to_string());
        record(self.tx, &AuditEntry { actor: Actor::Provider, address, ..entry }).await
    }
}
