//! Operations that organizations and users share: both are tenants with owners.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, StoreError, TenantInfo, TenantKind};
use serde_json::json;

/// Prints all tenants of a kind.
pub async fn list(store: &Store, output: &ResultOutput, kind: TenantKind) -> Result<(), CliError> {
    let tenants = store.tenants(kind).await?;
    output
        .print_table(&tenants, |tenant| [tenant.handle.clone(), tenant.name.clone(), tenant.owners.join(" ")])
}

/// Removes a tenant with its data, once the operator has confirmed with `--yes`.
pub async fn remove(
    store: &Store,
    output: &ResultOutput,
    kind: TenantKind,
    handle: &str,
    is_confirmed: bool,
) -> Result<(), CliError> {
    if !is_confirmed {
        return Err(CliError::Usage(format!(
            "this deletes all data of {handle}: repeat the command with --yes"
        )));
    }
    store.remove(kind, handle).await?;
    output.print(&json!({"removed": handle}), &format!("removed {handle}"))
}

/// Prints the owners of a tenant.
pub async fn print_owners(
    store: &Store,
    output: &ResultOutput,
    kind: TenantKind,
    handle: &str,
) -> Result<(), CliError> {
    let tenant = find(store, kind, handle).await?;
    output.print(&tenant, &tenant.owners.join("\n"))
}

/// Finds a tenant by its handle.
pub async fn find(store: &Store, kind: TenantKind, handle: &str) -> Result<TenantInfo, CliError> {
    let tenants = store.tenants(kind).await?;
    let tenant = tenants.into_iter().find(|tenant| tenant.handle == handle);
    Ok(tenant.ok_or_else(|| StoreError::refused(format!("{handle} does not exist")))?)
}
