//! Who owns an item.

use crate::config::OwnerRule;
use crate::item::{Aspect, Item};

#[derive(Debug, Clone)]
pub(super) struct Owners {
    /// Rules that set at least one field, in file order.
    specific: Vec<OwnerRule>,
    /// Owner of what no rule claims.
    general: Option<String>,
}

impl Owners {
    pub fn new(rules: &[OwnerRule]) -> Self {
        let is_general = |rule: &&OwnerRule| {
            rule.aspect.is_none() && rule.product.is_none() && rule.region.is_none() && rule.source.is_none()
        };
        Self {
            specific: rules.iter().filter(|rule| !is_general(rule)).cloned().collect(),
            general: rules.iter().find(is_general).map(|rule| rule.owner.clone()),
        }
    }

    pub fn of(&self, item: &Item, aspects: &[Aspect], source: Option<&str>) -> Option<&str> {
        let claims = |rule: &&OwnerRule, aspect: Option<&str>| {
            accepts(&rule.aspect, aspect)
                && accepts(&rule.product, item.subject.product.as_deref())
                && accepts(&rule.region, item.author.region.as_deref())
                && accepts(&rule.source, source)
        };
        let by_aspect = aspects
            .iter()
            .find_map(|aspect| self.specific.iter().find(|rule| claims(rule, Some(&aspect.aspect))));
        by_aspect
            .or_else(|| self.specific.iter().find(|rule| claims(rule, None)))
            .map(|rule| rule.owner.as_str())
            .or(self.general.as_deref())
    }
}

fn accepts(wanted: &Option<String>, have: Option<&str>) -> bool {
    wanted.as_deref().is_none_or(|wanted| have == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(aspect: Option<&str>, product: Option<&str>, source: Option<&str>, owner: &str) -> OwnerRule {
        OwnerRule {
            aspect: aspect.map(str::to_owned),
            product: product.map(str::to_owned),
            region: None,
            source: source.map(str::to_owned),
            owner: owner.to_owned(),
        }
    }

    fn aspects(names: &[&str]) -> Vec<Aspect> {
        names
            .iter()
            .map(|name| Aspect {
                aspect: (*name).to_owned(),
                polarity: "negative".to_owned(),
                p: 0.9,
            })
            .collect()
    }

    #[test]
    fn the_most_important_aspect_chooses_then_file_order() {
        let owners = Owners::new(&[
            rule(None, None, None, "客户体验部"),
            rule(Some("logistics"), Some("净水器"), None, "大件物流"),
            rule(Some("logistics"), None, None, "物流部"),
            rule(Some("billing"), None, Some("app"), "支付组"),
        ]);
        let mut item = Item::default();
        assert_eq!(
            owners.of(&item, &aspects(&["price", "logistics"]), None),
            Some("物流部")
        );
        assert_eq!(
            owners.of(&item, &aspects(&["billing", "logistics"]), Some("app")),
            Some("支付组")
        );
        assert_eq!(
            owners.of(&item, &aspects(&["billing", "logistics"]), Some("jd")),
            Some("物流部")
        );
        assert_eq!(owners.of(&item, &aspects(&[]), None), Some("客户体验部"));
        item.subject.product = Some("净水器".to_owned());
        assert_eq!(owners.of(&item, &aspects(&["logistics"]), None), Some("大件物流"));
        assert_eq!(Owners::new(&[]).of(&item, &aspects(&["logistics"]), None), None);
    }
}
