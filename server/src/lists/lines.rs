//! The lines of a file, which is never held as a whole.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::LINE_BYTES_MAX;

/// A line of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line<'b> {
    /// A line without its end.
    Whole(&'b [u8]),
    /// A line of more than [`LINE_BYTES_MAX`] bytes.
    TooLong,
    /// What stands behind the last line end.
    Unended,
}

/// Hands out the lines of `input` until `take` has enough, each with how many bytes were read for it: those of a line
/// that is too long or that has no end come with its last part.
pub(super) fn for_each_line(
    input: &mut impl BufRead,
    mut take: impl FnMut(u64, Line<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    // The beginning of a line whose end was not read yet; what is too long is not kept.
    let (mut begun, mut length) = (Vec::new(), 0u64);
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            break;
        }
        let mut line_start = 0;
        for end in memchr::memchr_iter(b'\n', buffer) {
            let piece = &buffer[line_start..end];
            line_start = end + 1;
            length += piece.len() as u64;
            let line = if length > LINE_BYTES_MAX as u64 {
                Line::TooLong
            } else if begun.is_empty() {
                Line::Whole(piece)
            } else {
                begun.extend_from_slice(piece);
                Line::Whole(&begun)
            };
            if take(length + 1, line).is_break() {
                return Ok(());
            }
            begun.clear();
            length = 0;
        }
        let piece = &buffer[line_start..];
        length += piece.len() as u64;
        if length <= LINE_BYTES_MAX as u64 {
            begun.extend_from_slice(piece);
        }
        if length > super::FILE_BYTES_MAX {
            break;
        }
        let consumed = buffer.len();
        input.consume(consumed);
    }
    if length > 0 {
        let line = if length > LINE_BYTES_MAX as u64 { Line::TooLong } else { Line::Unended };
        let _ = take(length, line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_the_same_however_they_are_read() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let text = format!("one\n\n two \n{long}\n{long}x\nthree\nfour");
        for capacity in [1, 2, 3, 7, 4096, 1 << 20] {
            let (mut lines, mut read) = (Vec::new(), 0);
            for_each_line(&mut BufReader::with_capacity(capacity, text.as_bytes()), |bytes, line| {
                read += bytes;
                lines.push(match line {
                    Line::Whole(line) => line.len(),
                    Line::TooLong => 1_000_000,
                    Line::Unended => 2_000_000,
                });
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!((lines, read), (vec![3, 0, 5, LINE_BYTES_MAX, 1_000_000, 5, 2_000_000], text.len() as u64));
        }
        let mut count = 0;
        for_each_line(&mut text.as_bytes(), |_, _| {
            count += 1;
            if count < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .unwrap();
        assert_eq!(count, 2);
    }
}
