//! The operating system's user database: home folder and name of the user of this process.
//!
//! A parent process cannot change it, as it can `HOME`.

use std::path::PathBuf;

/// Bytes of one record's strings; longer ones count as absent.
const RECORD_BYTES_MAX: usize = 1 << 16;

/// Looks up the home folder. `None` if the database has no record of this user, as in some containers.
pub fn home() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    let folder = field(|record| record.pw_dir)?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(folder))).filter(|folder| folder.is_absolute())
}

/// Looks up the name of the user. `None` if the database has no record of this user.
pub fn name() -> Option<String> {
    field(|record| record.pw_name).and_then(|name| String::from_utf8(name).ok())
}

/// Copies a text of this user's record.
#[expect(unsafe_code, reason = "the standard library reads HOME before the user database")]
fn field(select: fn(&libc::passwd) -> *mut libc::c_char) -> Option<Vec<u8>> {
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
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
    let text = select(unsafe { record.assume_init_ref() });
    if text.is_null() {
        return None;
    }
    // SAFETY: the field is a string with a NUL at its end inside `strings`, which is still alive.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes().to_owned())
}
