//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that the system gives to outgoing connections: nothing takes a port between looking and listening
/// but another control plane, and that start is tried again.
const FIRST: u16 = 20_000;
const N_PORTS: u16 = 10_000;

/// Returns a port on which nobody listens, never the same twice in a process.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes start at different places, so that two of them seldom look at the same port: those that start together have
    // numbers next to each other, and one control plane takes several ports.
    let start = (std::process::id().wrapping_mul(37) % u32::from(N_PORTS)) as u16;
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start) % N_PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + offset)).is_ok() {
            return FIRST + offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_given() {
        // Another process may have listened in the meantime: then it is another port's turn.
        let in_use = |port| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?));
        let (port, _listener) = std::iter::repeat_with(free).find_map(in_use).unwrap();
        assert!((0..100).all(|_| free() != port));
    }
}
