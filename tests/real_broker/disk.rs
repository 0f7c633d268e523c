//! A disk that fills up and gets space again.

use super::support::broker::Broker;
use super::support::process::{Deployment, Outcome, get, wait_until};
use super::support::{say, skip};
use super::{LIMIT, assert_verified, balance, broker, config, ids, records, total};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A small file system of its own, unmounted with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kilobytes: u32) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        run_mount(&["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"], at)?;
        Ok(Self(at.to_path_buf()))
    }

    fn resize(&self, kilobytes: u32) -> Result<(), String> {
        run_mount(&["-o", &format!("remount,size={kilobytes}k")], &self.0)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run_mount(options: &[&str], at: &Path) -> Result<(), String> {
    let output = Command::new("mount")
        .args(options)
        .arg(at)
        .output()
        .map_err(|error| format!("mount: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

#[test]
fn a_full_disk_stops_intake_and_loses_nothing_once_there_is_space() {
    let promise = "a_full_disk_stops_intake_and_loses_nothing_once_there_is_space";
    let Some(broker) = broker(promise) else {
        return;
    };
    let topic = Broker::fresh_name("disk");
    let deployment = Deployment::new(&config(&broker, &topic, &[&topic], "[checkpoint]\nmax_items = 1000\n"));
    let disk = match SmallDisk::mount(&deployment.data_dir, 5_000) {
        Ok(disk) => disk,
        Err(reason) => return skip(promise, &format!("no small file system can be mounted: {reason}")),
    };
    broker.create_topic(&topic, 4, &[]);
    let all = records("disk", 30_000, 0..4);
    broker.produce(&topic, &all, &[]);
    let mut running = deployment.start(&[], &[]);
    let http = running.wait_ready(LIMIT).expect("ready");
    let mut last = (0, std::time::Instant::now());
    wait_until("intake stops on the full disk", LIMIT, || {
        let now = total(&http);
        assert!((now as usize) < all.len(), "the disk was not small enough");
        // while it starts again it may show nothing: only more is news
        if now > last.0 {
            last = (now, std::time::Instant::now());
        }
        last.0 > 0 && last.1.elapsed() > Duration::from_secs(6)
    });
    say(format!("the disk is full at {} items", last.0));
    assert!(
        running.is_running(),
        "the process waits for space: {}",
        running.log_text()
    );
    let (health, _) = get(&format!("{http}/healthz")).expect("the API answers");
    assert_eq!(health, 200);
    disk.resize(400_000).expect("more space");
    wait_until("all items, once there is space", LIMIT, || {
        total(&http) == all.len() as u64
    });
    assert_eq!(running.stop(Duration::from_secs(30)).outcome, Outcome::Exited(0));
    assert_eq!(ids(&deployment).len(), all.len());
    assert_eq!(balance(&deployment, "items", "inserted"), all.len() as u64);
    assert_verified(&deployment);
    drop(disk);
}
