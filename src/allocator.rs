//! Settings of the allocator that return freed memory to the operating system.
//!
//! Any thread of the receiver may decode a batch, and glibc keeps up to eight arenas for each core, each as large as its
//! largest batch. Measured without these settings, with 64 concurrent requests of 13 MB: 728 MiB resident for a memory
//! budget of 104 MiB. Other allocators return memory by themselves.
//!
//! The threads of the exporter allocate for each message, and wait for each other where they share an arena: a first run
//! took half as long again with four arenas.

/// Size from which a block is a mapping of its own, and free bytes at the end of an arena from which they are returned.
/// Explicit values are fixed; the defaults grow with the largest block that was ever freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const BLOCK_BYTES: libc::c_int = 1 << 20;

/// Configures the allocator, with so many arenas for all threads. Call once, before the first thread is spawned.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the standard library has no call that sets up its allocator")]
pub fn set_up(arenas: i32) {
    let settings = [
        (libc::M_ARENA_MAX, arenas),
        (libc::M_MMAP_THRESHOLD, BLOCK_BYTES),
        (libc::M_TRIM_THRESHOLD, BLOCK_BYTES),
    ];
    for (name, value) in settings {
        // SAFETY: mallopt takes numbers and keeps nothing of the caller's; one it does not know changes nothing.
        unsafe { libc::mallopt(name, value) };
    }
}

/// Configures nothing: other allocators need no settings.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn set_up(_arenas: i32) {}
