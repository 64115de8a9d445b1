#![no_main]

han_sync_fuzz::target!(remote_pattern);
