/** A `Cookie` header, taken apart; what has no name is none. */
export function parseCookies(
  header: string,
): readonly { readonly name: string; readonly value: string }[] {
  return header.split(";").flatMap((part) => {
    const [, name = "", value = ""] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(part) ?? [];
    return name === "" ? [] : [{ name, value: value.trim() }];
  });
}
