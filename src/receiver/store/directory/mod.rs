//! The directory: organizations, users, memberships, owners of repositories, API keys,
//! device authorizations.
//!
//! Invariant: a name in the directory and the row that it names are written and deleted in one transaction.

mod principal;

mod query_reader;

mod names;

mod owners;

mod authentication;

mod members;

mod keys;

mod device_codes;

mod page_sessions;

mod own_keys;

mod organization_audit;

mod tenants;

mod view_readers;

mod import;

/// Sign-ins through the provider, and the memberships that its groups give.
mod provider;

pub use device_codes::{DeviceCodes, DeviceDecision, DeviceInfo, DevicePoll};
pub use import::{ImportedUser, KeyImport, UserImport};
pub use keys::{KeyInfo, NewKey};
pub use members::{CurrentTenants, MemberInfo, current_tenants};
pub use names::{TenantKind, tenant_id};
pub use organization_audit::{AuditPosition, AuditQuery};
pub use principal::{Membership, Principal, Role};
pub use provider::{ProviderAdmission, ProviderRefusal, ProviderSignIn};
pub use query_reader::QueryReader;
pub use tenants::{OrganizationSettings, TenantInfo, check_handle, remove_tenant, tenant_users};
pub use view_readers::ViewReader;
