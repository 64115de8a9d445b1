#![no_main]

han_sync_fuzz::target!(receiver_body);
