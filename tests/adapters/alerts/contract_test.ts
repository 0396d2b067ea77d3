import { openAlertChannel } from "@/adapters/alerts/channel.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import { alertChannelContract, type ChannelSubject } from "../../contract/alert_channel.ts";

const TOKEN = "Token_1234567";
const SECRET = "SEC0123456789+/=";

/** Every channel as it is written in ALERT_URLS. */
const SUBJECTS: Readonly<Record<string, Omit<ChannelSubject, "open"> & { url: UrlOf }>> = {
  dingtalk: {
    ...{ kind: "dingtalk", secret: SECRET },
    url: ({ base, secret }) => `dingtalk://${TOKEN}?secret=${secret}&base=${base}`,
  },
  "dingtalk without a secret": {
    kind: "dingtalk",
    url: ({ base }) => `dingtalk://${TOKEN}?base=${base}`,
  },
  wecom: { kind: "wecom", url: ({ base }) => `wecom://${TOKEN}?base=${base}` },
  feishu: {
    ...{ kind: "feishu", secret: SECRET },
    url: ({ base, secret }) => `feishu://${TOKEN}?base=${base}&secret=${secret}`,
  },
  "feishu without a secret": {
    kind: "feishu",
    url: ({ base }) => `feishu://${TOKEN}?base=${base}`,
  },
  slack: { kind: "slack", url: ({ base }) => `slack+${base}/services/T000/B000/${TOKEN}` },
  webhook: {
    ...{ kind: "webhook", secret: SECRET },
    url: ({ base, secret }) => `${base}/hooks/alerts?token=${TOKEN}&secret=${secret}`,
  },
  "webhook without a secret": {
    kind: "webhook",
    url: ({ base }) => `${base}/hooks/alerts?token=${TOKEN}`,
  },
};

type UrlOf = (robot: { base: string; secret: string }) => string;

for (const [name, { url, ...subject }] of Object.entries(SUBJECTS)) {
  alertChannelContract(name, {
    ...subject,
    open: (robot, options) => {
      const text = url({ base: robot.url, secret: robot.secret ?? "" });
      return openAlertChannel(parseAlertUrl(text), options);
    },
  });
}
