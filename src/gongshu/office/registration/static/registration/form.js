// 没有这段脚本，申请表照样能填：它只是把按所填情形不需要的项收起来，并在离开前提醒保存。
"use strict";

(() => {
  const form = document.querySelector("#registration-form");
  if (!form) return;

  // 一项现在的值：是否写成布尔，多项选择写成数组
  const valueOf = (name) => {
    const found = [...form.elements].filter((each) => each.name === name);
    if (!found.length) return null;
    if (found[0].type === "checkbox") return found.filter((each) => each.checked).map((each) => each.value);
    const value = found[0].value.trim();
    return value === "true" ? true : value === "false" ? false : value;
  };

  const filled = (value) => value !== null && value !== "" && !(Array.isArray(value) && !value.length);

  // 与规则包的条件同一个小语法：field + equals、in 或 filled，all，any，not
  const holds = (when, row) => {
    if (!when) return true;
    if (when.all) return when.all.every((each) => holds(each, row));
    if (when.any) return when.any.some((each) => holds(each, row));
    if (when.not) return !holds(when.not, row);
    const inRow = row ? valueOf(`${row}-${when.field}`) : null;
    const value = inRow !== null ? inRow : valueOf(when.field);
    if ("filled" in when) return filled(value) === when.filled;
    return "in" in when ? when.in.includes(value) : value === when.equals;
  };

  // 填了内容的项不藏起来：藏起来的错没有人找得到
  const hasContent = (slot) =>
    slot.querySelector(".has-error") !== null ||
    [...slot.querySelectorAll("input, select, textarea")].some((each) =>
      each.type === "checkbox" || each.type === "radio" ? each.checked : each.value !== ""
    );

  const show = () => {
    form.querySelectorAll("[data-when]").forEach((slot) => {
      const needed = holds(JSON.parse(slot.dataset.when), slot.dataset.row);
      if (slot.tagName === "DETAILS") {
        if (needed) slot.open = true;
        slot.hidden = !needed && !hasContent(slot);
        const entry = document.querySelector(`.toc [data-for="${slot.id}"]`);
        if (entry) entry.hidden = slot.hidden;
      } else {
        slot.hidden = !needed && !hasContent(slot);
        slot.classList.toggle("slot-idle", !needed);
      }
    });
  };

  let changed = false;
  form.addEventListener("change", () => {
    changed = true;
    show();
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
  show();
})();
