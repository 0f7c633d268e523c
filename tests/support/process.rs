//! The process under test: its configuration, runs of it, and what its offline commands say.

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The build under test; `QINGTING_BINARY` puts another one, such as the shipped one, in its place.
pub fn binary() -> PathBuf {
    std::env::var_os("QINGTING_BINARY").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_qingting")), PathBuf::from)
}

/// A scratch directory for one deployment: its configuration, key and data.
pub struct Deployment {
    pub root: PathBuf,
    pub data_dir: PathBuf,
    pub config: PathBuf,
    _guard: Option<tempfile::TempDir>,
}

impl Deployment {
    /// `config` is everything but `data_dir` and `[privacy]`.
    pub fn new(config: &str) -> Self {
        let guard = tempfile::Builder::new()
            .prefix("qingting-test-")
            .tempdir()
            .expect("temporary directory");
        let mut deployment = Self::at(guard.path(), config);
        // Kept for a look when the test fails and the tester asks for it.
        if std::env::var_os("QINGTING_KEEP").is_some() {
            let _ = guard.keep();
        } else {
            deployment._guard = Some(guard);
        }
        deployment
    }

    pub fn at(root: &Path, config: &str) -> Self {
        let deployment = Self {
            root: root.to_path_buf(),
            data_dir: root.join("data"),
            config: root.join("qingting.toml"),
            _guard: None,
        };
        fs::write(root.join("key"), b"a key of a test, 32 bytes long..").expect("key");
        deployment.configure(config);
        deployment
    }

    pub fn configure(&self, config: &str) {
        let text = format!(
            "data_dir = {:?}\n[privacy]\nkey_file = {:?}\n{config}",
            self.data_dir,
            self.root.join("key")
        );
        fs::write(&self.config, text).expect("configuration");
    }

    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("run")
            .arg("-c")
            .arg(&self.config)
            .args(["--listen", "127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // Only what says where things lie; anything else would change the configuration.
        for (name, _) in std::env::vars() {
            if name.starts_with("QINGTING_") && name != "QINGTING_MODELS" {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts a run whose log goes to `log` in the scratch directory.
    pub fn start(&self, more: &[&str], environment: &[(&str, String)]) -> Running {
        let _ = fs::remove_file(self.data_dir.join("run.json"));
        let log = self.root.join("log");
        let out = fs::File::create(&log).expect("log file");
        let child = self
            .command(more)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stderr(Stdio::from(out))
            .spawn()
            .expect("start qingting");
        Running {
            child: Some(child),
            log,
            run_json: self.data_dir.join("run.json"),
        }
    }

    /// Runs until everything that is in the topics is committed.
    pub fn catch_up(&self, limit: Duration) {
        let exit = self.start(&["--exit-when-caught-up"], &[]).wait(limit);
        assert_eq!(exit.outcome, Outcome::Exited(0), "{}", exit.log_tail());
    }

    /// `inspect WHAT`, one JSON object a line.
    pub fn inspect(&self, what: &str) -> Result<Vec<Value>, String> {
        let output = self.offline(&["inspect", what, "--data-dir"])?;
        String::from_utf8_lossy(&output)
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).map_err(|error| format!("inspect {what}: {error}: {line:.200}")))
            .collect()
    }

    /// Differences that `verify --json` prints.
    pub fn verify(&self) -> Vec<String> {
        let output = Command::new(binary())
            .args(["verify", "--json", "--data-dir"])
            .arg(&self.data_dir)
            .output()
            .expect("qingting verify");
        let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else {
            return vec![format!(
                "verify printed no JSON: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )];
        };
        let ok = answer["ok"].as_bool() == Some(true) && output.status.success();
        let differences: Vec<String> = answer["differences"]
            .as_array()
            .map(|list| list.iter().map(Value::to_string).collect())
            .unwrap_or_default();
        if ok || !differences.is_empty() {
            differences
        } else {
            vec![format!("verify: {answer}")]
        }
    }

    fn offline(&self, words: &[&str]) -> Result<Vec<u8>, String> {
        let output = Command::new(binary())
            .args(words)
            .arg(&self.data_dir)
            .output()
            .expect("qingting");
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(format!(
                "{}: {}: {}",
                words.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            ))
        }
    }

    /// The consumer group of the configuration.
    pub fn group(&self) -> String {
        let text = fs::read_to_string(&self.config).expect("configuration");
        let config: toml::Table = text.parse().expect("TOML");
        config["kafka"]["group"].as_str().unwrap_or_default().to_owned()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }

    pub fn dead_letter_file(&self) -> PathBuf {
        self.root.join("dead_letters.ndjson")
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Exited(i32),
    Killed(i32),
    /// It was still running at the limit and was killed by the test.
    TimedOut,
}

pub struct Exit {
    pub outcome: Outcome,
    pub seconds: f64,
    log: PathBuf,
}

impl Exit {
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let mut out = format!("{:?}; log:", self.outcome);
        for line in &lines[lines.len().saturating_sub(40)..] {
            let _ = write!(out, "\n    {line:.400}");
        }
        out
    }
}

/// A process that is ended with the test.
pub struct Running {
    child: Option<Child>,
    log: PathBuf,
    run_json: PathBuf,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: kill takes no pointers; the process is our child and was not waited for.
        unsafe {
            libc::kill(self.pid() as i32, signal);
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits for `run.json` and answers the address of the API.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<String, String> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(http) = fs::read(&self.run_json)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
                .filter(|run| run["pid"].as_u64() == Some(u64::from(self.pid())))
                .and_then(|run| run["http"].as_str().map(str::to_owned))
            {
                return Ok(http);
            }
            if !self.is_running() {
                return Err(format!("ended before it was ready\n{}", self.log_text()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("not ready after {limit:?}\n{}", self.log_text()))
    }

    pub fn ready_ms(&self) -> Option<u64> {
        serde_json::from_slice::<Value>(&fs::read(&self.run_json).ok()?).ok()?["ready_ms"].as_u64()
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn wait(mut self, limit: Duration) -> Exit {
        let started = Instant::now();
        let log = self.log.clone();
        let mut child = self.child.take().expect("waited once");
        let outcome = loop {
            match child.try_wait().expect("wait") {
                Some(status) => break outcome(status),
                None if started.elapsed() > limit => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break Outcome::TimedOut;
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        Exit {
            outcome,
            seconds: started.elapsed().as_secs_f64(),
            log,
        }
    }

    /// SIGTERM, and how the process ends.
    pub fn stop(self, limit: Duration) -> Exit {
        self.signal(libc::SIGTERM);
        self.wait(limit)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, signal) => Outcome::Killed(signal.unwrap_or(0)),
    }
}

/// GET on the process's own API.
pub fn get(url: &str) -> Result<(u16, String), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(|error| format!("{url}: {error}"))?;
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .read_to_string()
        .map_err(|error| format!("{url}: {error}"))?;
    Ok((status, body))
}

/// POST to the process's own API.
pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(u16, String), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(40)))
        .build()
        .into();
    let request = headers
        .iter()
        .fold(agent.post(url), |request, (name, value)| request.header(*name, *value));
    let mut response = request.send(body).map_err(|error| format!("{url}: {error}"))?;
    let status = response.status().as_u16();
    let answer = response.body_mut().read_to_string();
    Ok((status, answer.map_err(|error| format!("{url}: {error}"))?))
}

pub fn get_json(url: &str) -> Value {
    let (status, body) = get(url).expect("GET");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {status}: {error}: {body:.300}"))
}

/// Polls until the condition holds.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
