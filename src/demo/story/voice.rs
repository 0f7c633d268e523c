//! One thing that somebody says: who, about what, when, in which words.

use super::calendar::{Events, HOUR_MS};
use super::cast::{self, Brand, Person, Product};
use super::grammar::{Grammar, GrammarError, Scene};
use super::mix::{Channel, Mood, Theme};
use super::rng::StoryRng;

const MINUTE_MS: f64 = 60_000.0;
const LONGEST_CRAWL_DELAY_MS: i64 = 8 * HOUR_MS;

#[derive(Debug, Clone)]
pub struct Voice {
    pub channel: Channel,
    pub theme: &'static Theme,
    /// Counts the voices of a channel; native ids are made from it.
    pub number: u64,
    pub published_ms: i64,
    /// When the crawler saw it.
    pub record_time_ms: i64,
    pub person: Person,
    pub brand: &'static Brand,
    pub product: &'static Product,
    pub keyword: &'static str,
    pub app_version: &'static str,
    pub stars: Option<u8>,
    pub title: String,
    pub text: String,
    pub likes: u64,
    pub comments: u64,
    /// Draws for details of the native record.
    pub rng: StoryRng,
}

/// Makes voices out of themes.
pub struct Speaker<'a> {
    pub grammar: &'a Grammar,
    pub events: Events,
}

impl Speaker<'_> {
    /// What one person says about `theme` at `published_ms`. All draws come from `rng`.
    pub fn speak(
        &self,
        channel: Channel,
        theme: &'static Theme,
        number: u64,
        published_ms: i64,
        mut rng: StoryRng,
    ) -> Result<Voice, GrammarError> {
        let person = cast::person(&mut rng);
        let brand = if theme.company_only {
            Brand::company()
        } else {
            Brand::any(&mut rng)
        };
        let product = match theme.name {
            "joke" => &brand.products[0],
            _ => brand.any_product(&mut rng),
        };
        let scene = self.scene(channel, brand, product, published_ms, &mut rng);
        let mut text = self.grammar.sentence(theme.name, &scene, &mut rng)?;
        if !is_copied(theme) {
            text = roughen(text, &mut rng);
            if theme.mood != Mood::None && channel != Channel::Complaint && rng.chance(0.012) {
                text.push_str(&self.grammar.sentence("contact", &scene, &mut rng)?);
            }
        }
        let title = match channel {
            Channel::App => self.app_title(theme, &scene, &mut rng)?,
            Channel::Complaint => format!("{}{}", brand.name, complaint_issue(theme)),
            _ => String::new(),
        };
        Ok(Voice {
            channel,
            theme,
            number,
            published_ms,
            record_time_ms: published_ms + crawl_delay_ms(channel, &mut rng),
            person,
            brand,
            product,
            keyword: keyword(theme, product),
            app_version: self.events.version_at(published_ms),
            stars: stars(theme.mood, &mut rng),
            title,
            text,
            likes: popularity(&mut rng),
            comments: popularity(&mut rng) / 3,
            rng,
        })
    }

    fn scene(
        &self,
        channel: Channel,
        brand: &Brand,
        product: &'static Product,
        published_ms: i64,
        rng: &mut StoryRng,
    ) -> Scene<'static> {
        let mut tags = vec![channel.style(), product.kind];
        if published_ms >= self.events.release_two_ms && rng.chance(0.8) {
            tags.push("after_release");
        }
        if self.events.holiday.contains(published_ms) && rng.chance(0.8) {
            tags.push("holiday");
        }
        let brand_name = brand.name.to_string();
        Scene {
            tags,
            values: vec![
                ("brand", brand_name),
                ("model", product.model.into()),
                ("rival", brand.rival(rng).into()),
                ("city", cast::city(rng).into()),
                ("version", self.events.version_at(published_ms).into()),
                ("phone", cast::phone(rng)),
                ("email", cast::email(rng)),
            ],
        }
    }

    fn app_title(&self, theme: &Theme, scene: &Scene, rng: &mut StoryRng) -> Result<String, GrammarError> {
        let title = match (theme.name, theme.mood) {
            _ if rng.chance(0.35) => String::new(),
            ("login", _) => self.grammar.sentence("login_short", scene, rng)?,
            (_, Mood::Bad) => rng
                .pick(&["差评", "太失望了", "不好用", "越来越差", "垃圾", "一星"], "差评")
                .into(),
            (_, Mood::Good) => rng
                .pick(&["好用", "五星好评", "很方便", "不错", "喜欢", "支持"], "好用")
                .into(),
            _ => rng.pick(&["建议", "还行", "一点想法"], "建议").into(),
        };
        Ok(title)
    }
}

/// Copied texts stay as they are: that is what makes them copies.
fn is_copied(theme: &Theme) -> bool {
    matches!(
        theme.name,
        "joke" | "popular" | "filler" | "shop" | "release_one" | "release_two"
    )
}

fn keyword(theme: &Theme, product: &Product) -> &'static str {
    match (theme.name, product.kind) {
        ("avoid", _) => "家电避雷",
        (_, "robot") => "扫地机",
        (_, "fryer") => "空气炸锅",
        (_, "lock") => "智能门锁",
        _ => cast::COMPANY,
    }
}

/// The complaint platform's category of the problem.
pub fn complaint_issue(theme: &Theme) -> &'static str {
    match theme.name {
        "login" | "crash" => "软件无法使用",
        "broken" => "质量问题",
        "aftersale" => "售后不处理",
        "late" => "迟迟不发货",
        "noreply" => "客服不处理",
        "charge" => "自动扣费",
        _ => "价格争议",
    }
}

fn stars(mood: Mood, rng: &mut StoryRng) -> Option<u8> {
    match mood {
        Mood::Bad => Some(if rng.chance(0.78) { 1 } else { 2 }),
        Mood::Middling => Some(if rng.chance(0.6) { 3 } else { 4 }),
        Mood::Good => Some(if rng.chance(0.88) { 5 } else { 4 }),
        Mood::None => None,
    }
}

/// A heavy tail: most posts get a few likes, some get thousands.
fn popularity(rng: &mut StoryRng) -> u64 {
    (rng.exponential(1.6).exp() - 1.0).min(40_000.0) as u64
}

/// Exponential, a few out of a hundred much later; one in 250 is found only days later by a backfill.
fn crawl_delay_ms(channel: Channel, rng: &mut StoryRng) -> i64 {
    if rng.chance(0.004) {
        return (rng.between(60, 200) as i64) * HOUR_MS;
    }
    let minutes = rng.exponential(channel.crawl_delay_minutes());
    ((minutes * MINUTE_MS) as i64 + 20_000).min(LONGEST_CRAWL_DELAY_MS)
}

/// As people type: a homophone, missing punctuation, full-width digits.
fn roughen(text: String, rng: &mut StoryRng) -> String {
    match rng.below(100) {
        0..=5 => text.replace("登录", "登陆"),
        6..=9 => text.replace('，', " "),
        10..=11 => text.replace('，', ","),
        12..=13 => text.chars().map(|c| full_width(c).unwrap_or(c)).collect(),
        14..=15 => text.replace("的", "滴"),
        16..=17 => format!("{text}{}", if text.ends_with(['。', '！']) { "" } else { "。" }),
        18 => text.replace("不", "8"),
        _ => text,
    }
}

fn full_width(c: char) -> Option<char> {
    c.is_ascii_digit()
        .then(|| char::from_u32(u32::from(c) + 0xFEE0))
        .flatten()
}
