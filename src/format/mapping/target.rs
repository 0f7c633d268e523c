//! Canonical fields that a mapping can fill, each with the reader of its type.

use super::super::vocabulary;
use crate::item::Item;

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
    /// One of a closed vocabulary.
    OptionalWord(Place<Option<String>>, &'static [&'static str]),
    String(Place<Option<String>>),
    Id(Place<Option<String>>),
    Money(Place<Option<String>>),
    Time(Place<Option<i64>>),
    Integer(Place<Option<i64>>),
    Number(Place<Option<f64>>),
    Bool(Place<Option<bool>>),
    List(Place<Vec<String>>),
    /// How many there are: elements of a list, or of a text with separators.
    Length(Place<u32>),
    Engagement(&'static str),
    /// Set where the value is true.
    Flag(&'static str),
    /// Overall rating, with its scale.
    Rating,
    RatingDimension(String),
    /// Anything, under the preset's name.
    Extra(String),
}

impl Target {
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
            return Ok(Self::Extra(extra.to_owned()));
        }
        fixed(name).ok_or_else(|| format!("`{name}` is not a field of the canonical item"))
    }
}

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
        "rating.nps" => Number(|item| &mut item.rating.get_or_insert_default().nps),
        "repost.id" => Id(|item| &mut item.repost.get_or_insert_default().id),
        "updated_at" => Time(|item| &mut item.updated_at),
        "url" => String(|item| &mut item.url),
        "complaint.target" => String(|item| &mut item.complaint.get_or_insert_default().target),
        "complaint.appeal" => List(|item| &mut item.complaint.get_or_insert_default().appeal),
        "complaint.issue" => List(|item| &mut item.complaint.get_or_insert_default().issue),
        "complaint.amount" => Money(|item| &mut item.complaint.get_or_insert_default().amount),
        "complaint.status" => OptionalWord(
            |item| &mut item.complaint.get_or_insert_default().status,
            vocabulary::COMPLAINT_STATUS,
        ),
        "complaint.status_raw" => String(|item| &mut item.complaint.get_or_insert_default().status_raw),
        "complaint.handling.attitude" => Number(|item| &mut handling(item).attitude),
        "complaint.handling.speed" => Number(|item| &mut handling(item).speed),
        "complaint.handling.satisfaction" => Number(|item| &mut handling(item).satisfaction),
        "tags" => List(|item| &mut item.tags),
        "media.images" => Length(|item| &mut item.media.images),
        "media.videos" => Length(|item| &mut item.media.videos),
        _ => return None,
    })
}

fn handling(item: &mut Item) -> &mut crate::item::Handling {
    item.complaint.get_or_insert_default().handling.get_or_insert_default()
}
