//! The dimensions that are counted, with the names of `by`, `where` and the index's fast fields.

use crate::item::AnalyzedRecord;

/// A dimension that a rule's `by` may name. The order is the order in which a key's values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    Source,
    Platform,
    Kind,
    Rating,
    Brand,
    Region,
    Touchpoint,
    Mode,
    BusinessLine,
    Segment,
    Version,
    Sentiment,
    Severity,
    Intent,
    Valid,
    Aspect,
    AspectPolarity,
    Product,
    Sku,
    Category,
    Tier,
}

impl Dimension {
    pub const COUNT: usize = 21;
    pub const ALL: [Self; Self::COUNT] = [
        Self::Source,
        Self::Platform,
        Self::Kind,
        Self::Rating,
        Self::Brand,
        Self::Region,
        Self::Touchpoint,
        Self::Mode,
        Self::BusinessLine,
        Self::Segment,
        Self::Version,
        Self::Sentiment,
        Self::Severity,
        Self::Intent,
        Self::Valid,
        Self::Aspect,
        Self::AspectPolarity,
        Self::Product,
        Self::Sku,
        Self::Category,
        Self::Tier,
    ];

    /// The name in `by` and the name of the fast field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Platform => "platform",
            Self::Kind => "kind",
            Self::Rating => "rating",
            Self::Brand => "brand",
            Self::Region => "region",
            Self::Touchpoint => "touchpoint",
            Self::Mode => "mode",
            Self::BusinessLine => "business_line",
            Self::Segment => "segment",
            Self::Version => "version",
            Self::Sentiment => "sentiment",
            Self::Severity => "severity",
            Self::Intent => "intent",
            Self::Valid => "valid",
            Self::Aspect => "aspect",
            Self::AspectPolarity => "aspect_polarity",
            Self::Product => "product",
            Self::Sku => "sku",
            Self::Category => "category",
            Self::Tier => "tier",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// Closed dimensions have few values: a series of each value is always kept. The others are counted only where
    /// a rule asks for them.
    pub fn is_closed(self) -> bool {
        !matches!(self, Self::Product | Self::Sku | Self::Category | Self::Tier)
    }

    /// Whether an item may have several values.
    pub fn is_multi(self) -> bool {
        matches!(self, Self::Aspect | Self::AspectPolarity)
    }

    /// Whether the index keeps the values as terms (else as a number or a bool).
    pub(super) fn is_text(self) -> bool {
        !matches!(self, Self::Rating | Self::Valid)
    }
}

/// `45` → `4.5`, `50` → `5`: how a rating stands in a key.
pub(super) fn write_rating(tenths: u64, out: &mut String) {
    use std::fmt::Write;
    let _ = match tenths % 10 {
        0 => write!(out, "{}", tenths / 10),
        part => write!(out, "{}.{part}", tenths / 10),
    };
}

/// Whether the item is a customer speaking: not a shop's or an authority's reply, not a brand, an official account,
/// an operator or a news medium. An unknown author is taken for a customer.
pub fn is_voice(record: &AnalyzedRecord) -> bool {
    record.item.source.role != "reply"
        && !matches!(
            record.item.author.kind.as_deref(),
            Some("brand" | "official" | "operator" | "media")
        )
}
