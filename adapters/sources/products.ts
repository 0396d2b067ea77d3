/** Products of China's futures exchanges: code, then the names that sites call it by. */
const PRODUCTS: Readonly<Record<string, string>> = {
  SHFE:
    `RB 螺纹钢|螺纹 HC 热卷|热轧卷板 CU 沪铜|铜 AL 沪铝|铝 ZN 沪锌|锌 PB 沪铅|铅 NI 沪镍|镍 SN 沪锡|锡
    AU 沪金|黄金 AG 沪银|白银 FU 燃料油|燃油 BU 沥青|石油沥青 RU 天然橡胶|橡胶 WR 线材 SP 纸浆 SS 不锈钢
    AO 氧化铝 BR 合成橡胶|BR橡胶|丁二烯橡胶 AD 铝合金|铸造铝合金 OP 双胶纸|胶版印刷纸`,
  INE:
    `SC 原油 NR 20号胶 LU 低硫油|LU燃油|低硫燃料油|低硫燃油 BC 国际铜 EC 集运欧线|集运指数|集运指数(欧线)`,
  CFFEX: `IF 沪深300|300沪深 IC 中证500|500中证 IH 上证50|50上证 IM 中证1000|1000中证
    TS 二年债|二债|2年期国债 TF 五年债|五债|5年期国债 T 十年债|十债|10年期国债 TL 三十年债|三十债|30年期国债`,
  DCE:
    `I 铁矿石|铁矿 JM 焦煤 J 焦炭 A 豆一 B 豆二 C 玉米 CS 淀粉|玉米淀粉 JD 鸡蛋 L 塑料|聚乙烯 M 豆粕
    P 棕榈油|棕榈 PP 聚丙烯 V PVC|聚氯乙烯 Y 豆油 BB 胶合板 FB 纤维板 EG 乙二醇 RR 粳米 EB 苯乙烯
    PG 液化气|液化石油气 LH 生猪 LG 原木 BZ 纯苯`,
  GFEX: `SI 工业硅 LC 碳酸锂 PS 多晶硅 PD 钯 PT 铂`,
  CZCE:
    `CY 棉纱 AP 苹果 CF 棉花|郑棉 FG 玻璃 MA 甲醇 OI 菜油|菜籽油 RM 菜粕|菜籽粕 SF 硅铁 SM 锰硅 SR 白糖
    TA PTA ZC 动力煤 WH 强麦 RI 早籼稻 RS 油菜籽|菜籽 JR 粳稻 LR 晚籼稻 PM 普麦 CJ 红枣 UR 尿素 SA 纯碱
    PF 短纤 PK 花生 PX 对二甲苯 SH 烧碱 PR 瓶片 PL 丙烯`,
};

/** How sites name the exchanges. Those of INE go by the name of their owner, too. */
const EXCHANGES: Readonly<Record<string, string>> = {
  ...{ 上期所: "SHFE", 能源中心: "INE", 上期能源: "INE", 大商所: "DCE", 郑商所: "CZCE" },
  ...{ 中金所: "CFFEX", 广期所: "GFEX", 上交所: "SHSE", 深交所: "SZSE" },
};

export interface Product {
  readonly exchange: string | null;
  readonly product: string;
}

const [BY_CODE, BY_NAME] = index();

/** By a code in either case, or by a Chinese name. */
export function findProduct(codeOrName: string): Product | undefined {
  const key = codeOrName.trim();
  return BY_NAME.get(key) ?? BY_CODE.get(key.toUpperCase());
}

/**
 * The product behind a code or a name. Where nobody here knows it, it is called what the source
 * calls it, in upper case, and belongs to no exchange.
 */
export function productOf(codeOrName: string): Product {
  return findProduct(codeOrName) ?? { exchange: null, product: codeOrName.trim().toUpperCase() };
}

/** `SHFE` of `上期所`. */
export function exchangeOf(name: string): string | undefined {
  return EXCHANGES[name.trim()];
}

/** Splits a contract's code: `rb2701` is `RB2701` of `RB`. Undefined for what is none. */
export function readContract(
  code: string,
): { readonly contract: string; readonly letters: string } | undefined {
  const [, letters, month] = /^([A-Za-z]{1,3})(\d{3,4})$/.exec(code.trim()) ?? [];
  if (letters === undefined) return undefined;
  return { contract: `${letters}${month}`.toUpperCase(), letters: letters.toUpperCase() };
}

function index(): [ReadonlyMap<string, Product>, ReadonlyMap<string, Product>] {
  const byCode = new Map<string, Product>();
  const byName = new Map<string, Product>();
  for (const [exchange, list] of Object.entries(PRODUCTS)) {
    const words = list.trim().split(/\s+/);
    for (let at = 0; at < words.length; at += 2) {
      const [product = "", names = ""] = words.slice(at, at + 2);
      byCode.set(product, { exchange, product });
      for (const name of names.split("|")) byName.set(name, { exchange, product });
    }
  }
  return [byCode, byName];
}
