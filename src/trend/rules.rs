//! Rules as they are evaluated: dimensions resolved, windows in hours, rules with the same `by` and `where` on one view.

use super::calendar::{HOUR_MS, WEEK_HOURS};
use super::dims::Dimension;
use super::error::TrendError;
use super::view::View;
use crate::config::{AlertingConfig, Config, Reference, RuleConfig, RuleKind};
use std::time::Duration;

/// Earlier windows that may stand in for hours that cannot be used.
pub(super) const STAND_INS: u32 = 8;
/// Room for late feeds: their window ends this much before the boundary, at most.
const MAX_SHIFT_HOURS: u32 = 14 * 24;
const MAX_VIEWS: usize = 64;
const MAX_BY: usize = 8;

/// One `[[rule]]`, checked.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub config: RuleConfig,
    pub view: usize,
    pub window_hours: u32,
    /// From one reference window to the one before.
    pub stride_hours: u32,
    /// Reference windows wanted.
    pub references: u32,
}

impl Rule {
    /// How far back any evaluation of the rule looks.
    fn horizon_hours(&self) -> u32 {
        self.window_hours + self.stride_hours * (self.references + STAND_INS) + MAX_SHIFT_HOURS
    }
}

/// The rules that hold when the configuration has none: negative voices by brand and negative aspect, against the same hours
/// of the last eight weeks, over seven days and over one.
pub fn builtin_rules(alerting: &AlertingConfig) -> Vec<RuleConfig> {
    let (p, min_current) = alerting.sensitivity.defaults();
    let rule = |name: &str, days: u64| RuleConfig {
        name: name.to_owned(),
        kind: RuleKind::Spike,
        where_query: Some("sentiment:negative".to_owned()),
        by: vec!["brand".to_owned(), "aspect_polarity".to_owned()],
        window: Duration::from_secs(days * 86_400),
        reference: Reference::Weeks(8),
        increase: 2.0,
        min_current,
        min_authors: 3,
        p,
        for_boundaries: 1,
        resolve_boundaries: 6,
        repeat: Duration::from_secs(24 * 3_600),
        severity: "warning".to_owned(),
        owner: None,
        receivers: Vec::new(),
    };
    vec![rule("spike_7d", 7), rule("spike_1d", 1)]
}

/// Resolves the configured rules (or the built-in ones) and the views that they need.
pub(super) fn compile(config: &Config) -> Result<(Vec<Rule>, Vec<View>), TrendError> {
    let configured = if config.rules.is_empty() {
        builtin_rules(&config.alerting)
    } else {
        config.rules.clone()
    };
    let mut rules = Vec::new();
    let mut views: Vec<View> = Vec::new();
    for rule_config in configured {
        let by = dimensions(&rule_config)?;
        let known = views
            .iter()
            .position(|view| view.by == by && view.where_query == rule_config.where_query);
        let view = match known {
            Some(view) => view,
            None if views.len() == MAX_VIEWS => return Err(TrendError::TooManyViews { limit: MAX_VIEWS }),
            None => {
                let bit = rule_config.where_query.as_ref().map(|_| views.len() as u32);
                views.push(View::new(by, rule_config.where_query.clone(), bit));
                views.len() - 1
            }
        };
        let window_hours = window_hours(&rule_config);
        let (references, stride_hours) = match rule_config.reference {
            Reference::Weeks(weeks) => (weeks.max(1), window_hours.div_ceil(WEEK_HOURS) * WEEK_HOURS),
            Reference::Previous => (1, window_hours),
        };
        let rule = Rule {
            config: rule_config,
            view,
            window_hours,
            stride_hours,
            references,
        };
        views[view].horizon_hours = views[view].horizon_hours.max(rule.horizon_hours());
        rules.push(rule);
    }
    Ok((rules, views))
}

fn window_hours(rule: &RuleConfig) -> u32 {
    let hours = rule.window.as_millis() / HOUR_MS as u128;
    u32::try_from(hours).unwrap_or(u32::MAX).clamp(1, 366 * 24)
}

fn dimensions(rule: &RuleConfig) -> Result<Vec<Dimension>, TrendError> {
    let mut by = Vec::new();
    for name in &rule.by {
        let dimension = Dimension::from_name(name).ok_or_else(|| TrendError::UnknownDimension {
            rule: rule.name.clone(),
            name: name.clone(),
            allowed: Dimension::ALL.map(Dimension::name).join(" "),
        })?;
        by.push(dimension);
    }
    by.sort_unstable();
    by.dedup();
    if by.len() > MAX_BY {
        return Err(TrendError::UnknownDimension {
            rule: rule.name.clone(),
            name: rule.by.join(" "),
            allowed: format!("at most {MAX_BY} dimensions"),
        });
    }
    Ok(by)
}
