//! Canonical fields that a mapping can fill, each with the reader of its type.

use super::super::vocabulary;
use crate::item::Item;
use crate::nearest::did_you_mean;

type Place<T> = fn(&mut Item) -> &mut T;

/// Where a value goes, and as what it is read.
#[derive(Debug, Clone)]
pub enum Target {
    NativeId,
    AuthorId,
    Title,
    Text,
    PublishedAt,
    CollectedAt,
    /// One of a closed vocabulary, kept in a plain string.
    Word(Place<String>, &'static [&'static str]),
    /// Where a complaint stands.
    Status,
    /// One of a closed vocabulary.
    OptionalWord(Place<Option<String>>, &'static [&'static str]),
    String(Place<Option<String>>),
    Id(Place<Option<String>>),
    Money(Place<Option<String>>),
    Time(Place<Option<i64>>),
    Integer(Place<Option<i64>>),
    Number(Place<Option<f64>>),
    Bool(Place<Option<bool>>),
    /// False unless it is said.
    PlainBool(Place<bool>),
    List(Place<Vec<String>>),
    /// How many there are: elements of a list, or of a text with separators.
    Length(Place<u32>),
    Engagement(&'static str),
    /// Set where the value is true.
    Flag(&'static str),
    /// Overall rating, with its scale.
    Rating,
    /// 0 to 10: would you recommend us.
    Nps,
    RatingDimension(String),
    /// Anything, under the preset's name.
    Extra(String, ExtraKind),
}

/// As what an extra field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraKind {
    /// As it is in the record.
    Any,
    Id,
    Text,
    Number,
    Count,
    Money,
    Time,
    Bool,
    List,
}

impl ExtraKind {
    const NAMES: &'static str = "id, text, number, count, money, time, bool, list";

    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "id" => Self::Id,
            "text" => Self::Text,
            "number" => Self::Number,
            "count" => Self::Count,
            "money" => Self::Money,
            "time" => Self::Time,
            "bool" => Self::Bool,
            "list" => Self::List,
            _ => return Err(format!("`{name}` is no field type, want one of {}", Self::NAMES)),
        })
    }
}

impl Target {
    /// Whether its value is an id: read as text to the letter, never as a number.
    pub fn is_id(&self) -> bool {
        matches!(self, Self::NativeId | Self::AuthorId | Self::Id(_))
    }

    /// The target of a canonical path, such as `subject.product_id`.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some(kind) = name.strip_prefix("engagement.") {
            return known(kind, vocabulary::ENGAGEMENT).map(Self::Engagement);
        }
        if let Some(flag) = name.strip_prefix("flags.") {
            return known(flag, vocabulary::FLAGS).map(Self::Flag);
        }
        if let Some(dimension) = name.strip_prefix("rating.dims.") {
            return Ok(Self::RatingDimension(dimension.to_owned()));
        }
        if let Some(extra) = name.strip_prefix("ext.") {
            return Ok(Self::Extra(extra.to_owned(), ExtraKind::Any));
        }
        fixed(name).ok_or_else(|| {
            format!(
                "not a field of the canonical item{} (`qingting schema item` has all, `ext.` takes others)",
                did_you_mean(name, NAMES.iter().copied())
            )
        })
    }

    /// With the type that the mapping names: only extra fields have none of their own.
    pub fn typed(self, kind: &str) -> Result<Self, String> {
        let kind = ExtraKind::parse(kind)?;
        match self {
            Self::Extra(name, _) => Ok(Self::Extra(name, kind)),
            _ => Err("only `ext.` fields take a type, all others have that of the canonical item".to_owned()),
        }
    }
}

/// For the nearest name in a message.
const NAMES: &[&str] = &[
    "native_id",
    "author.id",
    "title",
    "text",
    "published_at",
    "collected_at",
    "source.kind",
    "source.role",
    "source.platform",
    "source.keyword",
    "source.touchpoint",
    "source.mode",
    "source.initiative",
    "business_line",
    "parent_id",
    "root_id",
    "thread_id",
    "author.name",
    "author.type",
    "author.tier",
    "author.segment",
    "author.region",
    "subject.brand",
    "subject.product",
    "subject.product_id",
    "subject.sku",
    "subject.sku_id",
    "subject.category",
    "subject.shop_id",
    "subject.version",
    "service.id",
    "service.types",
    "service.improvement_choices",
    "service.date",
    "service.agent_id",
    "customer.ref",
    "customer.consent_followup",
    "customer.anonymous",
    "survey.id",
    "survey.wave",
    "survey.response_id",
    "survey.duration_s",
    "expected_resolution_at",
    "order.no",
    "order.amount",
    "order.currency",
    "order.purchased_at",
    "order.days_after",
    "rating.overall",
    "rating.nps",
    "repost.id",
    "repost.author_id",
    "repost.text",
    "repost.deleted",
    "updated_at",
    "url",
    "complaint.target",
    "complaint.appeal",
    "complaint.issue",
    "complaint.amount",
    "complaint.status",
    "complaint.status_raw",
    "complaint.handling.attitude",
    "complaint.handling.speed",
    "complaint.handling.satisfaction",
    "complaint.handling.text",
    "tags",
    "media.images",
    "media.videos",
];

fn known(word: &str, words: &'static [&'static str]) -> Result<&'static str, String> {
    words
        .iter()
        .find(|known| **known == word)
        .copied()
        .ok_or_else(|| format!("`{word}` is none of {}", words.join(", ")))
}

fn fixed(name: &str) -> Option<Target> {
    use Target::*;
    Some(match name {
        "native_id" => NativeId,
        "author.id" => AuthorId,
        "title" => Title,
        "text" => Text,
        "published_at" => PublishedAt,
        "collected_at" => CollectedAt,
        "source.kind" => Word(|item| &mut item.source.kind, vocabulary::KINDS),
        "source.role" => Word(|item| &mut item.source.role, vocabulary::ROLES),
        "source.platform" => Word(|item| &mut item.source.platform, &[]),
        "source.keyword" => String(|item| &mut item.source.keyword),
        "source.touchpoint" => String(|item| &mut item.source.touchpoint),
        "source.mode" => OptionalWord(|item| &mut item.source.mode, vocabulary::MODES),
        "source.initiative" => OptionalWord(|item| &mut item.source.initiative, vocabulary::INITIATIVES),
        "business_line" => String(|item| &mut item.business_line),
        "parent_id" => Id(|item| &mut item.parent_id),
        "root_id" => Id(|item| &mut item.root_id),
        "thread_id" => Id(|item| &mut item.thread_id),
        "author.name" => String(|item| &mut item.author.name),
        "author.type" => OptionalWord(|item| &mut item.author.kind, vocabulary::AUTHOR_TYPES),
        "author.tier" => String(|item| &mut item.author.tier),
        "author.segment" => String(|item| &mut item.author.segment),
        "author.region" => String(|item| &mut item.author.region),
        "subject.brand" => String(|item| &mut item.subject.brand),
        "subject.product" => String(|item| &mut item.subject.product),
        "subject.product_id" => Id(|item| &mut item.subject.product_id),
        "subject.sku" => String(|item| &mut item.subject.sku),
        "subject.sku_id" => Id(|item| &mut item.subject.sku_id),
        "subject.category" => String(|item| &mut item.subject.category),
        "subject.shop_id" => Id(|item| &mut item.subject.shop_id),
        "subject.version" => String(|item| &mut item.subject.version),
        "service.id" => Id(|item| &mut item.service.get_or_insert_default().id),
        "service.types" => List(|item| &mut item.service.get_or_insert_default().types),
        "service.improvement_choices" => List(|item| &mut item.service.get_or_insert_default().improvement_choices),
        "service.date" => Time(|item| &mut item.service.get_or_insert_default().date),
        "service.agent_id" => Id(|item| &mut item.service.get_or_insert_default().agent_id),
        "customer.ref" => Id(|item| &mut item.customer.get_or_insert_default().reference),
        "customer.consent_followup" => Bool(|item| &mut item.customer.get_or_insert_default().consent_followup),
        "customer.anonymous" => Bool(|item| &mut item.customer.get_or_insert_default().anonymous),
        "survey.id" => Id(|item| &mut item.survey.get_or_insert_default().id),
        "survey.wave" => String(|item| &mut item.survey.get_or_insert_default().wave),
        "survey.response_id" => Id(|item| &mut item.survey.get_or_insert_default().response_id),
        "survey.duration_s" => Number(|item| &mut item.survey.get_or_insert_default().duration_s),
        "expected_resolution_at" => Time(|item| &mut item.expected_resolution_at),
        "order.no" => Id(|item| &mut item.order.get_or_insert_default().no),
        "order.amount" => Money(|item| &mut item.order.get_or_insert_default().amount),
        "order.currency" => String(|item| &mut item.order.get_or_insert_default().currency),
        "order.purchased_at" => Time(|item| &mut item.order.get_or_insert_default().purchased_at),
        "order.days_after" => Integer(|item| &mut item.order.get_or_insert_default().days_after),
        "rating.overall" => Rating,
        "rating.nps" => Nps,
        "repost.id" => Id(|item| &mut item.repost.get_or_insert_default().id),
        "repost.author_id" => Id(|item| &mut item.repost.get_or_insert_default().author_id),
        "repost.text" => Word(|item| &mut item.repost.get_or_insert_default().text, &[]),
        "repost.deleted" => PlainBool(|item| &mut item.repost.get_or_insert_default().deleted),
        "updated_at" => Time(|item| &mut item.updated_at),
        "url" => String(|item| &mut item.url),
        "complaint.target" => String(|item| &mut item.complaint.get_or_insert_default().target),
        "complaint.appeal" => List(|item| &mut item.complaint.get_or_insert_default().appeal),
        "complaint.issue" => List(|item| &mut item.complaint.get_or_insert_default().issue),
        "complaint.amount" => Money(|item| &mut item.complaint.get_or_insert_default().amount),
        "complaint.status" => Status,
        "complaint.status_raw" => String(|item| &mut item.complaint.get_or_insert_default().status_raw),
        "complaint.handling.attitude" => Number(|item| &mut handling(item).attitude),
        "complaint.handling.speed" => Number(|item| &mut handling(item).speed),
        "complaint.handling.satisfaction" => Number(|item| &mut handling(item).satisfaction),
        "complaint.handling.text" => Word(|item| &mut handling(item).text, &[]),
        "tags" => List(|item| &mut item.tags),
        "media.images" => Length(|item| &mut item.media.images),
        "media.videos" => Length(|item| &mut item.media.videos),
        _ => return None,
    })
}

fn handling(item: &mut Item) -> &mut crate::item::Handling {
    item.complaint.get_or_insert_default().handling.get_or_insert_default()
}
