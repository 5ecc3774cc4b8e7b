//! The ceiling: a server that does nothing but read a batch, turn each query into an answer of a fixed size, and send
//! the batch. What it does per second of CPU is what the kernel's sockets allow.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

/// The most datagrams that one system call takes or gives.
const BATCH_LIMIT: usize = 128;
/// Bytes of the longest datagram.
const DATAGRAM: usize = 512;

/// Answers on `socket` until the process is ended: the query, with the bit of an answer, cut or lengthened to `size`.
///
/// # Errors
/// What the system says of the socket.
pub(crate) fn serve(socket: &UdpSocket, batch: usize, size: usize) -> io::Result<()> {
    let (batch, size) = (batch.clamp(1, BATCH_LIMIT), size.clamp(12, DATAGRAM));
    let mut buffers = vec![[0u8; DATAGRAM]; batch];
    let mut incoming: MultiHeaders<SockaddrIn> = MultiHeaders::preallocate(batch, None);
    let mut outgoing: MultiHeaders<SockaddrIn> = MultiHeaders::preallocate(batch, None);
    let nobody: SockaddrIn = match socket.local_addr()? {
        SocketAddr::V4(address) => address.into(),
        SocketAddr::V6(_) => return Err(io::Error::other("the echo speaks IPv4 only")),
    };
    loop {
        let mut clients = [Some(nobody); BATCH_LIMIT];
        let mut count = 0;
        {
            let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            match recvmmsg(socket.as_raw_fd(), &mut incoming, &mut slices, MsgFlags::MSG_WAITFORONE, None) {
                Ok(results) => {
                    for (client, message) in clients.iter_mut().zip(results) {
                        *client = message.address;
                        count += 1;
                    }
                }
                Err(Errno::EINTR | Errno::ECONNREFUSED) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        for buffer in &mut buffers[..count] {
            buffer[2] |= 0x80;
        }
        let mut sent = 0;
        while sent < count {
            let slices: Vec<_> = buffers[sent..count].iter().map(|buffer| [IoSlice::new(&buffer[..size])]).collect();
            let flags = MsgFlags::empty();
            match sendmmsg(socket.as_raw_fd(), &mut outgoing, &slices, &clients[sent..count], [], flags) {
                Ok(results) => sent += results.count(),
                Err(Errno::EINTR) => {}
                // An answer that nobody takes any more.
                Err(_) => sent += 1,
            }
        }
    }
}
