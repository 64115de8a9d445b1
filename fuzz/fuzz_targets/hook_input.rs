#![no_main]

han_sync_fuzz::target!(hook_input);
