//! An address or a /64 a line, each once, for packet filters and whatever else takes a list. Comments begin with `#`.

use std::io::{self, Write};

use super::{Export, ending};

pub(super) fn write(export: &Export<'_>, out: &mut dyn Write) -> io::Result<u64> {
    export.write_title('#', out)?;
    let mut count = 0;
    for entry in export.entries() {
        writeln!(out, "{}", entry.origin)?;
        count += 1;
    }
    writeln!(out, "# {}", ending(count))?;
    Ok(count)
}
