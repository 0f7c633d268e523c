//! Words that give away who speaks and what for: templates, advertisements, shops and operators, fans, abuse.

use super::super::fold::is_ideograph;
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// Points at which a class is certain enough.
const ENOUGH: i32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Advertisement,
    /// Shops, brands, operators, platforms, offices.
    OtherVoice,
    OffTopic,
    /// A customer speaks: counts against the others.
    Customer,
    /// Filler by a template that thousands paste.
    Template,
}

const CUES: &[(Class, i32, &[&str])] = &[
    (
        Class::Advertisement,
        4,
        &[
            "首存", "股票配资", "招代理", "一件代发", "代刷粉", "积分墙", "私聊发", "不看征信", "优惠券群", "扫码进群", "详情看头像", "看我昵称", "看我头像",
            "招商加盟", "加盟热线", "点com", "低价接单", "排名优化", "内部优惠券", "日入百", "日入一百", "日入三百", "日入五百", "日入千", "日入过", "月入五", "月入过万", "关注小v", "关.注v", "欢迎进店", "新店开业",
            "棋牌平台", "娱乐城", "爱博", "空闲时间赚", "业余时间赚", "无意中发现一份", "无意中发现一个诚信", "诚信平台", "支付宝首页搜", "打开支付宝搜索",
            "撸的口子", "赔率最高", "竞猜投注", "输入邀请码", "填我邀请码", "填写我的邀请码", "搜索店铺", "商户地址", "商铺电话", "发表了博文", "欢迎到我的博客",
            "试听课", "保过", "签约不过", "收徒", "上门服务电话", "看房联系", "三分钟下款", "身份证就能贷", "在家办公日结", "日结200", "包邮到付", "老板下单",
            "加盟费", "整店输出", "皮肤管理培训", "最新电影尽在", "每日可以80", "每日能", "任务每个", "海外aso", "好评删差评", "接刷评",
            "邀请码", "注册即送", "办证刻章", "线上赌场", "荷官", "点我头像", "点我主页", "同城约会", "有意私信", "详情咨询", "一年拿证", "学历提升", "需要的姐妹加我",
            "抓紧预订", "名额只剩", "充100送", "关键词排名", "优惠券平台", "电子版谁要", "金币互关", "减肥茶", "无抵押", "当天放款", "免费咨询", "诚信经营,见货", "加微领",
            "一比一复刻", "约炮", "赌球", "六合彩", "时时彩", "刷信誉", "代开发票", "信用卡套现", "花呗套现", "招募代理", "微商", "日赚", "躺赚",
        ],
    ),
    (
        Class::Advertisement,
        2,
        &[
            "加微信", "加v", "加q", "微信同步", "微信同号", "徽信", "威信", "薇信", "v信", "vx", "扣扣", "关注公众号", "公众号", "公众號", "兼职", "赚钱", "赚零花",
            "零花钱", "代购", "刷单", "免费领取", "内部券", "厂家直销", "一手货源", "急售", "转卖", "赔钱卖", "秒到账", "不收任何费用", "不要你任何费用", "大额", "隐藏券",
            "投注", "彩票", "下载app", "时时彩", "私信", "报名", "戳>>", "全场五折", "全场一折", "同号", "专业师傅", "半小时上门", "档期", "承接", "一站式", "瘦身", "减肥", "提现", "专业开锁", "24小时服务", "联系电话", "开业", "欢迎选购", "欢迎订购",
            "名额有限", "扫码", "推荐给大家", "每天就能", "动动手指",
        ],
    ),
    (Class::Advertisement, 1, &["http", "t.cn", ".com", "点击链接", "下单", "优惠券", "红包", "赚", "老牌", "平台客服", "加我", "诚聘", "招聘", "免费"]),
    (
        Class::OtherVoice,
        4,
        &[
            "坐席记录", "客服小结", "工单备注", "厂家回复", "商家回复", "官方回复", "掌柜回复", "系统通知", "取件码", "您有包裹", "微博抽奖平台", "您咨询的问题",
            "您反映的问题", "您反映的情况", "您的留言已收悉", "现将有关情况回复", "现回复如下", "尊敬的用户", "尊敬的客户", "尊敬的顾客", "尊敬的会员", "尊敬的旅客",
            "各位业主请注意", "欢迎再次光临", "欢迎您再次", "期待您的再次", "期待您再次", "祝您生活愉快", "祝您购物愉快", "祝您用餐愉快", "祝您旅途愉快", "多谢阁下",
            "转待回访", "本店商品全部", "提醒广大", "幸运粉丝", "获得@水密码", "感谢您的支持", "感谢您的反馈", "感谢您的光临", "感谢您的理解", "感谢您的关注", "感谢您的宝贵",
            "感谢您的评价", "感谢您的好评", "感谢您对", "感谢亲的", "感谢亲对", "非常感谢您的", "谢谢亲的支持", "为您带来不便", "给您带来不便", "给您带来的不便", "您的订单已发货",
            "您的快递", "我们是一家专注", "期待下次航班", "欢迎各位读者", "网友您好", "您好,您的", "您好,感谢您", "亲,非常抱歉", "亲,感谢", "亲,您好", "用户无其他问题", "满意挂机",
            "已短信通知", "我们将竭诚", "竭诚为您", "贵宾您好", "亲爱的宾客", "亲爱的用户", "亲爱的顾客", "亲爱的客人",
            "银行】您", "尊敬的宾客", "尊敬的业主", "尊敬的家长", "收藏店铺", "亲,在的", "恭喜本期中奖", "私信邮寄", "私信我们", "诚挚的歉意", "深表歉意", "我们将继续努力",
            "期待您的光临", "恭候您的", "温馨提示:", "【通知】", "【公告】", "经核实,", "经调查,", "来电人", "市民来电", "诉求人",
        ],
    ),
    (
        Class::OtherVoice,
        2,
        &[
            "温馨提示", "欢迎各位", "请注意查收", "敬请谅解", "敬请期待", "已告知", "已答复", "来电咨询", "来电反映", "转至技术部门", "会有客服", "联系您", "为您", "您好", "恭喜@",
            "卫健委", "通报", "确诊", "记者", "新华社", "科普知识", "转发抽奖", "我司", "本店", "小店", "欢迎光临", "公示链接", "官方微博开通",
        ],
    ),
    (
        Class::OffTopic,
        4,
        &[
            "超话", "打榜", "笑话一则", "从前有座山", "白日依山尽", "离离原上草", "床前明月光", "数据组", "应援", "练习生榜", "有没有人一起开黑", "缺个辅助",
            "打卡第", "集满38个", "帮忙点个赞", "塔罗牌", "每天一句英语", "鸡蛋打散",
        ],
    ),
    (Class::OffTopic, 2, &["后援会", "生日快乐", "求点赞", "热锅", "适量", "少许", "做法:", "出锅", "星座"]),
    (
        Class::Customer,
        -3,
        &[
            "我买", "我的", "我是", "我在", "我觉得", "本人", "给我", "让我", "我家", "我用", "我不", "我就", "我已", "我要", "我去", "我想", "我问", "退款", "差评",
            "客服说", "商家说", "你们", "贵公司", "贵司", "要求", "领导", "书记", "市长", "恳请", "我们小区", "投诉", "反映",
        ],
    ),
    (
        Class::Template,
        4,
        &[
            "凑字数凑字数", "评价模版", "评价模板", "淘气值模板", "复制黏贴", "复制粘贴的评价", "懒得写评价", "这条评论就说明", "这条评论,就说明", "这条评论,说明",
            "看到我这条评", "看到我的这一篇评价", "不想写评价", "随便打几个字", "为了领券才来评", "为了京豆", "为了积分评", "一二三四五六七", "一二三四五,上山",
            "红红火火恍恍惚惚", "评论10个字", "真不喜欢写评论", "一个一个评价太麻烦", "为什么我的评价都一样", "懒得打字", "凑够字数", "凑字数", "只有你想不到没有买不到", "除了一碗热气腾腾的拉面",
        ],
    ),
];

struct Automaton {
    search: AhoCorasick,
    cues: Vec<(Class, i32)>,
}

static AUTOMATON: LazyLock<Option<Automaton>> = LazyLock::new(|| {
    let pairs = || CUES.iter().flat_map(|(class, points, words)| words.iter().map(move |word| (*class, *points, *word)));
    let search = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(pairs().map(|(.., word)| word))
        .ok()?;
    Some(Automaton {
        search,
        cues: pairs().map(|(class, points, _)| (class, points)).collect(),
    })
});

/// Points by class; a cue counts once.
#[derive(Default)]
pub(super) struct Score {
    advertisement: i32,
    other_voice: i32,
    off_topic: i32,
    customer: i32,
    template: i32,
}

impl Score {
    pub fn of(folded: &str) -> Self {
        let mut score = Self::default();
        let folded = without_embedded_reply(folded);
        let Some(automaton) = AUTOMATON.as_ref() else { return score };
        // a text holds few cues: those already counted are few
        let mut counted: Vec<usize> = Vec::new();
        for hit in automaton.search.find_iter(folded) {
            let cue = hit.pattern().as_usize();
            if counted.contains(&cue) {
                continue;
            }
            counted.push(cue);
            let (class, points) = automaton.cues[cue];
            *match class {
                Class::Advertisement => &mut score.advertisement,
                Class::OtherVoice => &mut score.other_voice,
                Class::OffTopic => &mut score.off_topic,
                Class::Customer => &mut score.customer,
                Class::Template => &mut score.template,
            } += points;
        }
        score
    }

    pub fn reason(&self) -> Option<&'static str> {
        // one 「我的」 may stand in any text, three are a story
        let customer = self.customer.max(-9);
        [
            (self.template, "filler"),
            (self.advertisement + customer / 3, "advertisement"),
            (self.other_voice + customer, "other_voice"),
            (self.off_topic + customer / 3, "off_topic_spam"),
        ]
        .into_iter()
        .filter(|(points, _)| *points >= ENOUGH)
        .max_by_key(|(points, _)| *points)
        .map(|(_, reason)| reason)
    }
}

/// Some crawlers glue the answer behind the customer's words.
const EMBEDDED_REPLIES: [&str; 9] = [
    "开发者回复", "宾馆反馈", "酒店反馈", "酒店回复", "商家回复", "官方回复", "厂家回复", "掌柜回复", "免费注册网站导航",
];

fn without_embedded_reply(folded: &str) -> &str {
    // an answer alone begins with the word
    let reply = EMBEDDED_REPLIES.iter().filter_map(|word| folded.find(word)).filter(|at| *at > 0).min();
    reply.map_or(folded, |at| &folded[..at])
}

/// What platforms, forms and agents write in place of an opinion; only as a text of its own.
const TEMPLATES: [&str; 54] = [
    "未填写评价", "没有填写评价", "未填写评论", "没有填写评论", "未发表文字", "未作评价", "未做评价", "默认好评", "默认满意", "默认给予好评", "自动好评", "暂无评论", "暂无意见",
    "暂无评价", "已撤回一条", "已被屏蔽", "已被删除", "已被作者删除", "请输入您的", "请在此输入", "写点评价吧", "可继续评价", "发表了一张图片", "分享了一条视频", "分享一个链接",
    "left no comment", "default good review", "您对本次服务满意吗", "评价一下本次", "写评价,赢", "可得10京豆", "未参与满意度", "undefined", "null",
    "买家未留言", "吃后追评", "此条评论", "该评论", "微博正文", "图片评论", "用户未点评", "没有发表评价", "超时自动", "未留言", "自动评价", "系统自动", "no comment", "仅作者可见", "仅自己可见", "什么都没留下", "评论可不填",
    "未通过审核", "快转微博", "没有留下评价",
];
/// Texts that are a template in full.
const WHOLE_TEMPLATES: [&str; 18] = ["位置", "图片", "视频", "无", "没有", "暂无", "rt", "none", "test", "测试", "沙发", "占楼", "无内容", "无评论", "测试测试", "testtest", "分享图片", "分享视频"];

/// Short texts that are a template; `letters`: how many significant characters it has.
pub(super) fn template(folded: &str, letters: usize) -> Option<&'static str> {
    if letters <= 8 {
        let word: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
        if WHOLE_TEMPLATES.contains(&word.as_str()) {
            return Some("empty");
        }
    }
    let is_template = letters <= 20 && !folded.contains('但') && TEMPLATES.iter().any(|template| folded.contains(template));
    is_template.then_some("default_text")
}

const ABUSE: [&str; 58] = [
    "wcnm", "cnm", "nmsl", "nmb", "tmd", "傻逼", "傻b", "煞笔", "沙比", "傻x", "sb", "尼玛", "你妈的", "你妈", "他妈的", "妈的", "妈逼", "操你大爷", "操你妈", "草泥马", "草你",
    "日你", "狗日的", "狗日", "去死吧", "去死", "死全家", "滚蛋", "滚出去", "滚", "不要脸的东西", "不要脸", "神经病", "脑残", "智障", "去吃屎", "吃屎", "屌你老母", "屌你", "扑街",
    "王八蛋", "混蛋", "畜生", "祝你们早日倒闭", "早日倒闭", "贱人", "滚你妈", "你大爷的", "你大爷", "憨批", "狗东西", "食屎", "出门被车撞", "ctm", "fuckyou", "fuck", "go to hell", "卧槽",
];
/// What may stand beside abuse and says nothing either.
const BESIDE_ABUSE: [&str; 31] = [
    "你们", "你", "公司", "商家", "平台", "卖家", "店家", "客服", "这", "个", "的", "了", "啊", "吧", "都", "就是", "是", "一群", "什么", "玩意", "东西", "真", "呀", "们", "全家", "骂", "我", "去", "祝", "老板", "啦",
];

/// Insults and nothing else: 「傻逼公司」, not 「傻逼公司不退款」.
pub(super) fn is_bare_abuse(folded: &str) -> bool {
    if folded.len() > 60 || !ABUSE.iter().any(|word| folded.contains(word)) {
        return false;
    }
    let mut rest = folded.to_owned();
    for word in ABUSE.iter().chain(&BESIDE_ABUSE) {
        if rest.contains(word) {
            rest = rest.replace(word, "");
        }
    }
    rest.chars().filter(|c| is_ideograph(*c) || c.is_alphanumeric()).count() <= 1
}
