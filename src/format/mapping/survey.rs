//! The answers of one response to a questionnaire → one item per free text, with the scores on the first; one item
//! without text where there are scores only; none where there is neither.
//!
//! Vendors write answers in two ways: a column (or key) a question, or a list of answers. What an answer is, the
//! question says where it is given (`6、您有多大可能推荐给朋友（0-10）`), else its own form does: numbers and option
//! codes are closed answers, a sentence is free text.

use super::super::item::Mapped;
use super::super::json::Node;
use super::super::values::{self, Reject};
use super::compile::{Under, Wrong, pattern};
use super::path::{Path, Scope};
use super::shape::first_text;
use super::spec::{OneOrMany, SurveySpec};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Free texts of one response beyond this are left out.
const MOST_TEXTS: usize = 50;
/// An answer to a question that nobody named is free text from this length on, or where it has a sentence's marks.
const SHORTEST_UNNAMED_CHARS: usize = 10;

const OVERALL: &str = "总体|整体|综合评价|满意度|满意程度|是否满意";
const NPS: &str = "推荐给|推荐度|愿意推荐|可能推荐|NPS|nps";
const TEXT: &str = "建议|意见|不满|原因|补充|说明|吐槽|想说|反馈|感受|为什么|请描述|请填写|留言|评语|心得";
const PRODUCT: &str = "使用的产品|购买的产品|产品型号|产品名称|商品名称|购买的商品|购买的车型";
const IGNORE: &str =
    "手机|电话|联系方式|联系人|姓名|称呼|邮箱|邮件|微信号|QQ|地址|身份证|车牌|订单号|订单编号|出生|^总分$|^得分$";

/// Words of satisfaction, for what the text of an option says.
const SATISFACTION: &[(&str, f64)] = &[
    ("非常不满意", 1.0),
    ("很不满意", 1.0),
    ("十分不满意", 1.0),
    ("不满意", 2.0),
    ("不太满意", 2.0),
    ("较不满意", 2.0),
    ("比较不满意", 2.0),
    ("一般", 3.0),
    ("中立", 3.0),
    ("基本满意", 3.0),
    ("满意", 4.0),
    ("较满意", 4.0),
    ("比较满意", 4.0),
    ("非常满意", 5.0),
    ("很满意", 5.0),
    ("十分满意", 5.0),
];

static NUMBERED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(?:[QqＱ]?\d+\s*[、.．:：)）]\s*|第\d+题\s*)").ok());
/// `第3题(外观)`, `3、请评价(外观)`, `3、请评价—外观`.
static OPTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(.+?)\s*(?:[(（]([^()（）]+)[)）]|[—:：]+([^—:：]+))\s*$").ok());
static CODES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^-?\d+(?:[.,;，；┋→|\s-]+\d+)*$").ok());
static OWN_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"〖([^〗]*)〗").ok());

/// A compiled `[survey]`.
#[derive(Debug)]
pub struct Survey {
    each: Path,
    question: Vec<Path>,
    answer: Vec<Path>,
    overall: Regex,
    nps: Regex,
    dims: Option<Regex>,
    text: Regex,
    product: Regex,
    ignore: Regex,
}

/// What the answers of a response come to.
#[derive(Debug, Default)]
struct Answers {
    overall: Option<(f64, String, &'static str)>,
    nps: Option<(f64, String)>,
    dims: BTreeMap<String, f64>,
    product: Option<String>,
    /// Key of the question and what was said.
    texts: Vec<(String, String)>,
    /// Question → options with their numbers, for questions of several columns.
    groups: Vec<(String, Vec<(String, f64)>)>,
}

impl Survey {
    pub(super) fn compile(spec: SurveySpec) -> Result<Self, Wrong> {
        let or = |written: Option<String>, default: &str, key: &str| {
            pattern(written.as_deref().unwrap_or(default)).under(&[key])
        };
        Ok(Self {
            each: Path::parse(&spec.each).under(&["each"])?,
            question: many(spec.question, "question")?,
            answer: many(spec.answer, "answer")?,
            overall: or(spec.overall, OVERALL, "overall")?,
            nps: or(spec.nps, NPS, "nps")?,
            dims: spec.dims.as_deref().map(pattern).transpose().under(&["dims"])?,
            text: or(spec.text, TEXT, "text")?,
            product: or(spec.product, PRODUCT, "product")?,
            ignore: or(spec.ignore, IGNORE, "ignore")?,
        })
    }

    /// Emits the items of one response; `mapped` is what all of them share.
    pub(super) fn answers(&self, scope: &Scope<'_, '_>, mapped: Mapped, emit: &mut dyn FnMut(Result<Mapped, Reject>)) {
        let mut answers = Answers::default();
        self.each.each_named(scope, &mut |key, node| {
            if self.answer.is_empty() {
                self.take(key, key, node, &mut answers);
                return;
            }
            let inner = scope.inside(node);
            let question = self.question.iter().find_map(|path| first_text(path, &inner));
            let question = question.unwrap_or_default();
            let id = match node {
                Node::Object(object) => object.get("id").and_then(|id| values::id("", id).ok().flatten()),
                _ => None,
            };
            let key = id.as_deref().unwrap_or(key);
            for path in &self.answer {
                let mut any = false;
                path.each(&inner, &mut |node| {
                    any |= super::path::is_something(node);
                    self.take(key, &question, node, &mut answers);
                });
                if any {
                    break;
                }
            }
        });
        self.settle_groups(&mut answers);
        answers.emit(mapped, emit);
    }

    fn take(&self, key: &str, question: &str, node: &Node<'_>, answers: &mut Answers) {
        let Ok(Some(answer)) = values::text("", node) else {
            return;
        };
        let answer = answer.trim();
        if values::is_null_word(answer) || matches!(answer, "-2" | "-3") || self.ignore.is_match(question) {
            return;
        }
        let number = values::number(node);
        let (stem, option) = match option_of(question) {
            Some((stem, option)) if !self.nps.is_match(question) => (stem, Some(option)),
            _ => (question.to_owned(), None),
        };
        if self.nps.is_match(question) {
            if let Some(nps) = number.filter(|n| (0.0..=10.0).contains(n)) {
                answers.nps.get_or_insert((nps, answer.to_owned()));
                return;
            }
        } else if self.dims.as_ref().is_some_and(|dims| dims.is_match(question)) {
            if let Some(value) = score(answer, number) {
                let name = option.unwrap_or_else(|| without_number(question));
                answers.dims.insert(name, value);
                return;
            }
        } else if let (Some(option), Some(n)) = (&option, number) {
            let place = answers
                .groups
                .iter()
                .position(|(name, _)| *name == stem)
                .unwrap_or_else(|| {
                    answers.groups.push((stem.clone(), Vec::new()));
                    answers.groups.len() - 1
                });
            answers.groups[place].1.push((option.clone(), n));
            return;
        } else if let Some(option) = option.as_ref().filter(|_| satisfaction(answer).is_some()) {
            answers
                .dims
                .extend(satisfaction(answer).map(|value| (option.clone(), value)));
            return;
        } else if self.overall.is_match(question) && !self.text.is_match(question) {
            if let Some(value) = score(answer, number) {
                let scale = if number.is_some() { "1-5" } else { "words" };
                answers.overall.get_or_insert((value, answer.to_owned(), scale));
                return;
            }
        } else if let Some(value) = satisfaction(answer) {
            // an unnamed question whose option is a word of satisfaction; a named one is one of several aspects
            if question.is_empty() {
                answers.overall.get_or_insert((value, answer.to_owned(), "words"));
            } else {
                answers.dims.insert(without_number(question), value);
            }
            return;
        } else if self.product.is_match(question) && number.is_none() && !answer.contains(['┋', '→']) {
            answers.product.get_or_insert(answer.to_owned());
            return;
        }
        self.take_text(key, question, answer, answers);
    }

    fn take_text(&self, key: &str, question: &str, answer: &str, answers: &mut Answers) {
        if answers.texts.len() >= MOST_TEXTS {
            return;
        }
        if let Some(own) = OWN_WORDS.as_ref().filter(|own| own.is_match(answer)) {
            for found in own.captures_iter(answer).filter_map(|found| found.get(1)) {
                let words = found.as_str().trim();
                if !values::is_null_word(words) {
                    answers.texts.push((key.to_owned(), words.to_owned()));
                }
            }
            return;
        }
        let is_code = CODES.as_ref().is_some_and(|codes| codes.is_match(answer)) || answer.contains(['┋', '→']);
        // a number alone is no free text, unless the mapping names the question
        if !is_code && (self.text.is_match(question) || is_sentence(answer)) {
            answers.texts.push((key.to_owned(), answer.to_owned()));
        }
    }

    /// Questions of several columns, by option number: a matrix of 1 to 5, a choice of 0 and 1, or a ranking.
    fn settle_groups(&self, answers: &mut Answers) {
        for (_, options) in std::mem::take(&mut answers.groups) {
            if is_matrix(&options) {
                answers.dims.extend(options);
            }
        }
    }
}

impl Answers {
    fn emit(self, mut mapped: Mapped, emit: &mut dyn FnMut(Result<Mapped, Reject>)) {
        let mut texts = self.texts.into_iter();
        let first = texts.next();
        let has_score = self.overall.is_some() || self.nps.is_some() || !self.dims.is_empty();
        if first.is_none() && !has_score && mapped.item.rating.is_none() && mapped.item.text.is_empty() {
            return;
        }
        if mapped.item.subject.product.is_none() {
            mapped.item.subject.product = self.product;
        }
        let shared = texts.len() > 0;
        let base = mapped.item.native_id.clone();
        let others = if shared { Some(without_scores(&mapped)) } else { None };
        if has_score {
            let rating = mapped.item.rating.get_or_insert_default();
            if let Some((overall, raw, scale)) = self.overall {
                (rating.overall, rating.raw, rating.scale) = (Some(overall), Some(raw), Some(scale.to_owned()));
            }
            if let Some((nps, raw)) = self.nps {
                super::shape::set_nps(nps, &Node::Text(raw.into()), rating);
            }
            rating.dims.extend(self.dims);
        }
        if let Some((_, text)) = first {
            mapped.item.text = text;
        }
        emit(Ok(mapped));
        let Some(others) = others else { return };
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for (key, text) in texts {
            let key = short_key(&key);
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            let mut next = copy(&others);
            next.item.text = text;
            next.item.native_id = match count {
                1 => format!("{base}:{key}"),
                count => format!("{base}:{key}.{count}"),
            };
            emit(Ok(next));
        }
    }
}

fn many(written: Option<OneOrMany>, key: &str) -> Result<Vec<Path>, Wrong> {
    let written = written.map(OneOrMany::into_vec).unwrap_or_default();
    let paths: Result<_, String> = written.iter().map(|path| Path::parse(path)).collect();
    paths.under(&[key])
}

fn copy(mapped: &Mapped) -> Mapped {
    Mapped {
        item: mapped.item.clone(),
        native_author_id: mapped.native_author_id.clone(),
        has_collect_time: mapped.has_collect_time,
        deleted: false,
    }
}

fn without_scores(mapped: &Mapped) -> Mapped {
    let mut other = copy(mapped);
    other.item.rating = None;
    other
}

/// `7、您的建议` → `7`; `q7`, `field_6` as they are: part of an id that stays when a question is worded anew.
fn short_key(key: &str) -> String {
    let digits: String = key
        .trim_start_matches(|c: char| matches!(c, '第' | 'Q' | 'q') || c.is_whitespace())
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if !digits.is_empty() {
        return digits;
    }
    key.chars().take(32).collect()
}

fn option_of(question: &str) -> Option<(String, String)> {
    let found = OPTION.as_ref()?.captures(question)?;
    let stem = found.get(1)?.as_str().to_owned();
    let option = found.get(2).or_else(|| found.get(3))?.as_str().trim().to_owned();
    // `（选填）`, `（0-10）`, `(单选)` explain the question
    let explains = option.chars().any(|c| c.is_ascii_digit())
        || ["选填", "必填", "单选", "多选", "可选", "填空", "题"]
            .iter()
            .any(|word| option.contains(word));
    (!explains && !option.is_empty()).then_some((stem, option))
}

fn without_number(question: &str) -> String {
    let bare = NUMBERED
        .as_ref()
        .map_or(question.into(), |numbered| numbered.replace(question, ""));
    bare.trim_end_matches(['?', '？', ':', '：', ' ']).to_owned()
}

fn satisfaction(answer: &str) -> Option<f64> {
    SATISFACTION
        .iter()
        .find(|(word, _)| *word == answer)
        .map(|(_, value)| *value)
}

/// 1 to 5, or a word of satisfaction.
fn score(answer: &str, number: Option<f64>) -> Option<f64> {
    match number {
        Some(n) => (1.0..=5.0).contains(&n).then_some(n),
        None => satisfaction(answer),
    }
}

/// Not 0 and 1 (a choice), and not each of 1 to n once for three options or more (a ranking).
fn is_matrix(options: &[(String, f64)]) -> bool {
    if options.iter().any(|(_, n)| !(1.0..=5.0).contains(n)) {
        return false;
    }
    let mut sorted: Vec<i64> = options.iter().map(|(_, n)| *n as i64).collect();
    sorted.sort_unstable();
    let is_ranking = sorted.len() > 2 && sorted.iter().enumerate().all(|(at, n)| *n == at as i64 + 1);
    let all_chosen = sorted.len() > 2 && sorted.iter().all(|n| *n == 1);
    sorted.len() > 1 && !is_ranking && !all_chosen
}

fn is_sentence(answer: &str) -> bool {
    let is_contact = answer.chars().filter(char::is_ascii_digit).count() * 2 > answer.chars().count();
    !is_contact
        && (answer.chars().count() >= SHORTEST_UNNAMED_CHARS
            || answer.contains(['，', '。', '！', '？', '、', '；', '!', '\n', '~', '～']))
}
