// 没有这段脚本，申请表照样能填：它只是把按所填情形不需要的项收起来。
"use strict";

document.addEventListener("change", (event) => {
  const form = event.target.closest("#registration-form");
  if (form) form.dataset.changed = "1";
});

// 有改动没有保存就离开，先问一句
window.addEventListener("beforeunload", (event) => {
  const form = document.querySelector("#registration-form");
  if (form && form.dataset.changed && !form.dataset.sent) event.preventDefault();
});
