//! How memory goes back to the system, so that what a program has is about what it uses.
//!
//! A batch is decoded by whichever of the receiver's threads is free, and glibc gives threads heaps of their own, eight
//! for each core, of which each keeps what its largest batch once took. Measured with 64 requests of 13 MB at once:
//! 104 MiB reserved, and 728 MiB taken. The exporter's batches of 4 MB come and go too: a first run with content took
//! 68 MiB at its peak, and takes 47. Other allocators give back by themselves.

/// Heaps that all threads share.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: libc::c_int = 2;
/// Bytes from which a block is a mapping of its own, and bytes at a heap's end from which they are given back. Said, they
/// stay; else they grow with the largest block that was ever freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const BLOCK_BYTES: libc::c_int = 1 << 20;

/// To be called once, while there is one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the standard library has no call that sets up its allocator")]
pub fn set_up() {
    let settings = [
        (libc::M_ARENA_MAX, HEAPS),
        (libc::M_MMAP_THRESHOLD, BLOCK_BYTES),
        (libc::M_TRIM_THRESHOLD, BLOCK_BYTES),
    ];
    for (name, value) in settings {
        // SAFETY: mallopt takes numbers and keeps nothing of the caller's; one it does not know changes nothing.
        unsafe { libc::mallopt(name, value) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn set_up() {}
