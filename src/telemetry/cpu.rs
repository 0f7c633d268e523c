//! CPU time of the calling thread, so that a stage's cost can be told from its waiting.

use super::{Metrics, Stage};
use crate::clock::Stopwatch;

/// CPU seconds that the calling thread has used. 0 where the clock cannot be read.
pub fn thread_cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that outlives the call, which writes nothing else.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0;
    if failed {
        return 0.0;
    }
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Measures one batch in one stage: wall time and CPU time of this thread. Start and finish on the same thread.
#[derive(Debug)]
pub struct StageTimer {
    stage: Stage,
    wall: Stopwatch,
    cpu_seconds: f64,
}

impl StageTimer {
    pub fn start(stage: Stage) -> Self {
        Self {
            stage,
            wall: Stopwatch::start(),
            cpu_seconds: thread_cpu_seconds(),
        }
    }

    /// Records the batch of `items` items.
    pub fn finish(self, metrics: &Metrics, items: usize) {
        let series = metrics.stage(self.stage);
        series.duration_seconds.observe(self.wall.elapsed().as_secs_f64());
        series
            .cpu_seconds
            .inc_by((thread_cpu_seconds() - self.cpu_seconds).max(0.0));
        series.batch_items.observe(items as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_grows_with_work_and_not_with_sleep() {
        let before = thread_cpu_seconds();
        std::thread::sleep(std::time::Duration::from_millis(60));
        let slept = thread_cpu_seconds() - before;
        assert!(slept < 0.05, "{slept} s of CPU while asleep");
        let mut sum = 0u64;
        while thread_cpu_seconds() - before < slept + 0.01 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(thread_cpu_seconds() > before);
    }

    #[test]
    fn a_finished_batch_moves_the_three_series_of_its_stage() {
        let metrics = Metrics::new().unwrap();
        StageTimer::start(Stage::Segment).finish(&metrics, 64);
        let text = metrics.render();
        assert!(
            text.contains("qingting_stage_duration_seconds_count{stage=\"segment\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("qingting_batch_items_sum{stage=\"segment\"} 64"),
            "{text}"
        );
    }
}
