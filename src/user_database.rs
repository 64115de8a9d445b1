//! The operating system's user database: the home folder of the user of this process.
//!
//! A parent process cannot change it, as it can `HOME`.

use std::path::PathBuf;

/// Bytes of one record's strings; longer ones count as absent.
#[cfg(unix)]
const RECORD_BYTES_MAX: usize = 1 << 16;

/// Looks up the home folder. `None` if the database has no record of this user, as in some containers.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library reads HOME before the user database")]
pub fn home() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;
    use std::ptr;

    let mut strings = vec![0; RECORD_BYTES_MAX];
    let mut record = MaybeUninit::<libc::passwd>::zeroed();
    let mut found = ptr::null_mut();
    let user = rustix::process::getuid().as_raw();
    // SAFETY: every pointer is valid for the call, and `strings.len()` is the length of its buffer.
    let status = unsafe {
        libc::getpwuid_r(user, record.as_mut_ptr(), strings.as_mut_ptr(), strings.len(), &raw mut found)
    };
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: the call succeeded and found a record, so that it has initialized all of `record`.
    let folder = unsafe { record.assume_init_ref() }.pw_dir;
    if folder.is_null() {
        return None;
    }
    // SAFETY: `pw_dir` is a string with a NUL at its end inside `strings`, which is still alive.
    let folder = unsafe { CStr::from_ptr(folder) };
    Some(PathBuf::from(OsStr::from_bytes(folder.to_bytes()))).filter(|folder| folder.is_absolute())
}

/// The standard library asks the operating system where `USERPROFILE` is of no use.
#[cfg(not(unix))]
pub fn home() -> Option<PathBuf> {
    std::env::home_dir()
}
