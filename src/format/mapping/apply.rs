//! Applies a compiled mapping to one unit of a record.

use super::super::item::Mapped;
use super::super::json::Node;
use super::super::values::{self, Reject};
use super::lists::masked_where_author;
use super::path::{Scope, is_something};
use super::shape::*;
use super::target::Target;
use super::*;
use crate::item::*;

/// A node that becomes an item, and the object that holds it.
pub type Unit<'s, 'n> = (&'s Node<'n>, &'s Node<'n>);

/// What a mapping knows beside the record's content.
#[derive(Clone, Copy)]
pub struct Input<'i> {
    pub record: &'i RawRecord,
    pub zone: Tz,
}

impl Preset {
    /// Reads one unit: calls `emit` with each item it becomes (none where it is skipped) or with why it is none.
    pub fn apply(
        &self,
        scope: &Scope<'_, '_>,
        input: Input<'_>,
        warnings: &mut Vec<String>,
        emit: &mut dyn FnMut(Result<Mapped, Reject>),
    ) {
        let deletes = self.delete.iter().any(|condition| condition.holds(scope));
        if !matches!(scope.unit, Node::Object(_)) {
            return emit(Err(Reject::wrong_type("$", scope.unit, "an object")));
        }
        if self.skip.iter().any(|condition| condition.holds(scope)) {
            return;
        }
        if let Some((_, code, message)) = self.reject.iter().find(|(condition, ..)| condition.holds(scope)) {
            return emit(Err(Reject::new(*code, message.clone())));
        }
        let mut mapped = Mapped::default();
        mapped.item.source.format.clone_from(&self.versioned_name);
        let mut reading = Reading {
            scope,
            input,
            reference_ms: input.record.record_time_ms,
            warnings,
            deletes,
        };
        if let Err(reject) = reading.fill(&self.main, &mut mapped) {
            return emit(Err(reject));
        }
        if deletes {
            mapped.deleted = true;
            return emit(Ok(mapped));
        }
        for list in &self.append {
            reading.each(list, |text, at, _, _| mapped.item.append.push(Append { text, at }));
        }
        for list in &self.reply {
            let author = mapped.item.author.name.clone();
            reading.each(list, |text, at, by, _| {
                let by = by.map(|by| masked_where_author(by, author.as_deref()));
                mapped.item.reply.push(Reply { text, at, by });
            });
        }
        for list in &self.steps {
            let author = mapped.item.author.name.clone();
            reading.each(list, |text, at, by, status| {
                let by = by.map(|by| masked_where_author(by, author.as_deref()));
                let steps = &mut mapped.item.complaint.get_or_insert_default().steps;
                steps.push(ComplaintStep { at, by, status, text });
            });
        }
        for (each, name, value) in &self.dims {
            reading.dimensions(each, name, value, &mut mapped.item);
        }
        if let Some(repost) = &self.repost {
            mapped.item.repost = reading.repost(repost).or(mapped.item.repost.take());
        }
        for (_, constants) in self.set.iter().filter(|(when, _)| when.holds(scope)) {
            for (target, value) in constants {
                set_word(target, value.clone(), &mut mapped.item);
            }
        }
        if let Some(survey) = &self.survey {
            return survey.answers(scope, mapped, emit);
        }
        let mut further = Vec::new();
        for also in self.also.iter().filter(|also| also.when.holds(scope)) {
            let mut next = inherited(&mapped, &also.inherit);
            let read = reading.fill(&also.fields, &mut next);
            further.push(read.map(|()| next));
        }
        emit(Ok(mapped));
        further.into_iter().for_each(emit);
    }
}

impl Condition {
    fn holds(&self, scope: &Scope<'_, '_>) -> bool {
        self.has.iter().all(|path| path.has_value(scope))
            && !self.lacks.iter().any(|path| path.has_value(scope))
            && self.equals.iter().all(|(path, words)| {
                let mut equal = false;
                path.each(scope, &mut |node| {
                    equal |= match node {
                        Node::Bool(value) => words.iter().any(|word| *word == value.to_string()),
                        node => values::text("", node)
                            .ok()
                            .flatten()
                            .is_some_and(|text| words.iter().any(|word| word == text.trim())),
                    };
                });
                equal
            })
            && self
                .matches
                .iter()
                .all(|(path, pattern)| first_text(path, scope).is_some_and(|text| pattern.is_match(&text)))
    }
}

fn inherited(from: &Mapped, names: &[String]) -> Mapped {
    let mut next = Mapped {
        has_collect_time: from.has_collect_time,
        ..Mapped::default()
    };
    let (item, source) = (&mut next.item, &from.item);
    item.source.format.clone_from(&source.source.format);
    item.collected_at = source.collected_at;
    item.version = source.version;
    for name in names {
        match name.as_str() {
            "source" => item.source = source.source.clone(),
            "business_line" => item.business_line = source.business_line.clone(),
            "thread_id" => item.thread_id = source.thread_id.clone(),
            "root_id" => item.root_id = source.root_id.clone(),
            "author" => {
                item.author = source.author.clone();
                next.native_author_id.clone_from(&from.native_author_id);
            }
            "subject" => item.subject = source.subject.clone(),
            "service" => item.service = source.service.clone(),
            "customer" => item.customer = source.customer.clone(),
            "survey" => item.survey = source.survey.clone(),
            "order" => item.order = source.order.clone(),
            "url" => item.url = source.url.clone(),
            "complaint" => item.complaint = source.complaint.clone(),
            "tags" => item.tags = source.tags.clone(),
            "media" => item.media = source.media.clone(),
            _ => {}
        }
    }
    next
}

pub(super) struct Reading<'r, 's, 'n, 'i, 'w> {
    pub(super) scope: &'r Scope<'s, 'n>,
    pub(super) input: Input<'i>,
    /// Collect time where the record has one, else its record time.
    pub(super) reference_ms: i64,
    warnings: &'w mut Vec<String>,
    /// The unit deletes its item, of which it need not say more than the id.
    deletes: bool,
}

impl Reading<'_, '_, '_, '_, '_> {
    fn fill(&mut self, fields: &Fields, mapped: &mut Mapped) -> Result<(), Reject> {
        for (target, value) in &fields.constants {
            set_word(target, value.clone(), &mut mapped.item);
        }
        for field in &fields.fields {
            self.field(field, mapped)?;
        }
        if !mapped.has_collect_time {
            mapped.item.collected_at = self.input.record.record_time_ms;
        }
        mapped.item.version = mapped.item.collected_at;
        // made for a value that turned out to be none
        mapped.item.rating = mapped.item.rating.take().filter(|rating| *rating != Rating::default());
        Ok(())
    }

    fn field(&mut self, field: &Field, mapped: &mut Mapped) -> Result<(), Reject> {
        let mut taken = Taken::Absent;
        if let Some(joint) = &field.join {
            taken = self.joined(field, joint);
        } else {
            for path in &field.from {
                let mut best = Taken::Absent;
                path.each(self.scope, &mut |node| {
                    if !best.is_set() {
                        best = self.take_excluding(field, node, mapped);
                    }
                });
                // an empty text is one only where no other path has more
                if let Taken::Text(text) = &best
                    && text.trim().is_empty()
                {
                    best = Taken::Null;
                }
                let is_set = best.is_set();
                taken = taken.or(best);
                if is_set {
                    break;
                }
            }
        }
        match taken {
            Taken::Set => Ok(()),
            Taken::Text(text) => {
                set_word(&field.target, text, &mut mapped.item);
                Ok(())
            }
            _ if self.deletes && matches!(field.target, Target::Text) => Ok(()),
            Taken::Wrong(reject) if field.required || reject.code == DeadLetterCode::UnrecoverableId => {
                if matches!(field.target, Target::NativeId | Target::Text) {
                    Err(reject)
                } else {
                    self.ignored(field)
                }
            }
            Taken::Wrong(_) => self.ignored(field),
            // a text may be null or empty, but its key must be there
            Taken::Null if matches!(field.target, Target::Text) => Ok(()),
            Taken::Null | Taken::Absent if field.required => Err(Reject::missing(
                &field.written,
                if field.target.is_id() { "an id" } else { "a value" },
            )),
            Taken::Null | Taken::Absent => Ok(()),
        }
    }

    fn ignored(&mut self, field: &Field) -> Result<(), Reject> {
        self.warnings.push(format!(
            "`{}` was ignored: `{}` does not take its type",
            field.written, field.name
        ));
        Ok(())
    }

    fn take_excluding(&mut self, field: &Field, node: &Node<'_>, mapped: &mut Mapped) -> Taken {
        if let Some(other) = &field.unless_same {
            let mine = values::text("", node).ok().flatten();
            let mut same = false;
            other.each(self.scope, &mut |node| {
                same |= values::text("", node).ok().flatten() == mine
            });
            if same {
                return Taken::Null;
            }
        }
        self.take(field, node, mapped)
    }

    /// Reads a node as the target's type and sets it.
    fn take(&mut self, field: &Field, node: &Node<'_>, mapped: &mut Mapped) -> Taken {
        if matches!(node, Node::Null) || self.is_null(field, node) {
            return Taken::Null;
        }
        let Mapped {
            item,
            native_author_id,
            has_collect_time,
            ..
        } = mapped;
        let path = field.written.as_str();
        match &field.target {
            Target::Text => text_taken(field, node, path),
            Target::Title | Target::String(_) | Target::Word(..) | Target::OptionalWord(..) => {
                if !is_something(node) {
                    return Taken::Null;
                }
                text_taken(field, node, path)
            }
            Target::Status => {
                if !is_something(node) {
                    return Taken::Null;
                }
                status_taken(field, node)
            }
            Target::NativeId => self.id(field, node, path, |id| item.native_id = id),
            Target::AuthorId => self.id(field, node, path, |id| *native_author_id = Some(id)),
            Target::Id(place) => self.id(field, node, path, |id| *place(item) = Some(id)),
            Target::PublishedAt => {
                let zone = field.zone.unwrap_or(self.input.zone);
                match values::event_time(&shaped_node(field, node), self.reference_ms, zone) {
                    Some(time) => {
                        item.published_at = Some(time.ms);
                        item.published_precision = time.precision;
                        item.published_inferred = time.inferred;
                        Taken::Set
                    }
                    None => Taken::Null,
                }
            }
            Target::CollectedAt => match self.time(field, node) {
                Some(ms) => {
                    item.collected_at = ms;
                    *has_collect_time = true;
                    self.reference_ms = ms;
                    Taken::Set
                }
                None => Taken::Null,
            },
            Target::Time(place) => set(self.time(field, node), |ms| *place(item) = Some(ms)),
            Target::Money(place) => set(values::money(&shaped_node(field, node)), |amount| {
                *place(item) = Some(amount)
            }),
            Target::Integer(place) => set(values::integer(&shaped_node(field, node)), |n| *place(item) = Some(n)),
            Target::Number(place) => set(values::number(&shaped_node(field, node)), |n| *place(item) = Some(n)),
            Target::Bool(place) => set(values::boolean(node), |b| *place(item) = Some(b)),
            Target::PlainBool(place) => set(values::boolean(node).filter(|b| *b), |b| *place(item) = b),
            Target::Nps => match values::number(node).filter(|n| (0.0..=10.0).contains(n)) {
                Some(nps) => {
                    set_nps(nps, node, item.rating.get_or_insert_default());
                    Taken::Set
                }
                None => Taken::Null,
            },
            Target::List(place) => {
                let list = values::list(&shaped_node(field, node), &field.separators);
                set((!list.is_empty()).then_some(list), |list| place(item).extend(list));
                // further nodes of the same path add to it
                Taken::Null
            }
            Target::Length(place) => set(length(node, &field.separators), |n| *place(item) = n),
            Target::Engagement(name) => set(values::count(node), |mut count| {
                count.approx |= field.cap == Some(count.n);
                item.engagement.insert((*name).to_owned(), count);
            }),
            Target::Flag(flag) => set(values::boolean(&shaped_node(field, node)).filter(|b| *b), |_| {
                item.flags.insert((*flag).to_owned());
            }),
            Target::Rating => rate(field, node, item),
            Target::RatingDimension(name) => set(rated(field, node), |value| {
                item.rating.get_or_insert_default().dims.insert(name.clone(), value);
            }),
            Target::Extra(name, kind) => {
                let zone = field.zone.unwrap_or(self.input.zone);
                match extra(
                    *kind,
                    &shaped_node(field, node),
                    &field.separators,
                    self.reference_ms,
                    zone,
                ) {
                    Some(value) => {
                        item.ext.insert(name.clone(), value);
                        Taken::Set
                    }
                    None => Taken::Null,
                }
            }
        }
    }

    fn is_null(&self, field: &Field, node: &Node<'_>) -> bool {
        !field.null.is_empty()
            && match node {
                Node::Text(text) => field.null.iter().any(|null| null == text.trim()),
                Node::Int(value) => field.null.iter().any(|null| *null == value.to_string()),
                _ => false,
            }
    }

    fn id(&self, field: &Field, node: &Node<'_>, path: &str, set: impl FnOnce(String)) -> Taken {
        match values::id(path, node) {
            Err(reject) => Taken::Wrong(reject),
            Ok(None) => Taken::Null,
            Ok(Some(id)) => match shaped(field, id) {
                Some(id) => {
                    set(id);
                    Taken::Set
                }
                None => Taken::Null,
            },
        }
    }

    fn time(&self, field: &Field, node: &Node<'_>) -> Option<i64> {
        values::event_time(
            &shaped_node(field, node),
            self.reference_ms,
            field.zone.unwrap_or(self.input.zone),
        )
        .map(|time| time.ms)
    }

    fn joined(&self, field: &Field, joint: &str) -> Taken {
        let mut all: Vec<String> = Vec::new();
        let mut wrong = None;
        for path in &field.from {
            let before = all.len();
            path.each(self.scope, &mut |node| {
                if !is_something(node) || self.is_null(field, node) {
                    return;
                }
                let value = if field.target.is_id() {
                    values::id(&field.written, node)
                } else {
                    Ok(values::text("", node).ok().flatten())
                };
                match value {
                    Ok(value) => all.extend(value.map(|text| text.trim().to_owned())),
                    Err(reject) => wrong = Some(reject),
                }
            });
            if field.all && all.len() == before {
                all.clear();
                break;
            }
        }
        if let Some(reject) = wrong {
            return Taken::Wrong(reject);
        }
        if all.is_empty() {
            return Taken::Null;
        }
        shaped(field, all.join(joint)).map_or(Taken::Null, Taken::Text)
    }
}

/// What became of a field.
pub(super) enum Taken {
    Absent,
    /// There, but nothing in it.
    Null,
    Set,
    /// To be set into a text target.
    Text(String),
    Wrong(Reject),
}

impl Taken {
    fn is_set(&self) -> bool {
        matches!(self, Self::Set | Self::Text(_))
    }

    /// What of two paths tells more.
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Wrong(_), Self::Absent | Self::Null) => self,
            (Self::Null, Self::Absent) => self,
            _ => other,
        }
    }
}

fn set<T>(value: Option<T>, set: impl FnOnce(T)) -> Taken {
    match value {
        Some(value) => {
            set(value);
            Taken::Set
        }
        None => Taken::Null,
    }
}
