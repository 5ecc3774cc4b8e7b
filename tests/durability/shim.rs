//! A service for which syncs fail, or whose wall clock is wrong, when a test says so.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{FIRSTHAND, Service};

/// What stands between the service and the system.
pub(crate) struct Shim(File);

impl Shim {
    /// Starts a service with these settings behind a shim.
    pub(crate) fn start(settings: &str) -> (Service, Self) {
        let service = Service::start_with(settings, |folder| {
            let library = folder.join("shim.so");
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/durability/shim.c");
            let mut compiler = Command::new("cc");
            compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
            assert!(compiler.status().unwrap().success(), "the shim does not compile");
            fs::write(control(folder), [0; 16]).unwrap();
            // In the place of the program; the process is the same one.
            let script = format!(
                "#!/bin/sh\nLD_PRELOAD={} FIRSTHAND_SHIM={} exec {FIRSTHAND} \"$@\"\n",
                library.display(),
                control(folder).display()
            );
            let program = folder.join("firsthand");
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        });
        let shim = Self(File::options().write(true).open(control(service.folder.path())).unwrap());
        (service, shim)
    }

    /// Syncs fail from now on, or do not.
    pub(crate) fn fail_syncs(&self, fail: bool) {
        self.0.write_all_at(&i64::from(fail).to_ne_bytes(), 8).unwrap();
    }

    /// The wall clock is ahead by so many seconds from now on.
    pub(crate) fn set_clock_ahead(&self, seconds: i64) {
        self.0.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

/// Starts it behind its shim, where it must end by itself.
pub(crate) fn serve(service: &Service) -> Output {
    let program = service.folder.path().join("firsthand");
    Command::new(program).args(["serve", "--config"]).arg(service.config()).output().unwrap()
}

fn control(folder: &Path) -> PathBuf {
    folder.join("shim")
}
