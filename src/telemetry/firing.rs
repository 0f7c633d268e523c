//! The alert gauges: only keys that fire, at most [`MAX_FIRING_SERIES`], so that a flood of alerts cannot flood Prometheus.

use std::collections::HashSet;

/// Cap on series of `qingting_alert_firing` and of `qingting_alert_ratio`.
pub const MAX_FIRING_SERIES: usize = 100;

/// One firing episode, as the two alert gauges show it.
#[derive(Debug, Clone, PartialEq)]
pub struct FiringAlert {
    pub rule: String,
    /// Episode id.
    pub episode: String,
    pub owner: String,
    /// `P0` … `P3`.
    pub priority: String,
    /// Current count divided by the reference.
    pub ratio: f64,
}

/// Label sets now exported, to take away those that stopped firing without a moment in which all are gone.
#[derive(Debug, Default)]
pub(super) struct Exported {
    firing: HashSet<[String; 4]>,
    ratio: HashSet<[String; 2]>,
}

impl Exported {
    /// Shows exactly the strongest [`MAX_FIRING_SERIES`] of `alerts`.
    pub(super) fn replace(
        &mut self,
        alerts: &[FiringAlert],
        firing_gauge: &prometheus::IntGaugeVec,
        ratio_gauge: &prometheus::GaugeVec,
    ) {
        let mut strongest: Vec<&FiringAlert> = alerts.iter().collect();
        strongest.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then_with(|| a.episode.cmp(&b.episode)));
        strongest.truncate(MAX_FIRING_SERIES);

        let mut next = Self::default();
        for alert in strongest {
            let firing = [
                alert.rule.clone(),
                alert.episode.clone(),
                alert.owner.clone(),
                alert.priority.clone(),
            ];
            let ratio = [alert.rule.clone(), alert.episode.clone()];
            firing_gauge.with_label_values(&firing).set(1);
            ratio_gauge.with_label_values(&ratio).set(alert.ratio);
            next.firing.insert(firing);
            next.ratio.insert(ratio);
        }
        // A label set that was exported exists, so removing it cannot fail.
        for gone in self.firing.difference(&next.firing) {
            firing_gauge.remove_label_values(gone).ok();
        }
        for gone in self.ratio.difference(&next.ratio) {
            ratio_gauge.remove_label_values(gone).ok();
        }
        *self = next;
    }
}
