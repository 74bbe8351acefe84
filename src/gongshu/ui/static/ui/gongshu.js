// 没有这段脚本，每个页面照样能用：它只是让人少点几下。
"use strict";

// 出错的表单：把焦点放到错误汇总上，读屏软件会念出来
document.addEventListener("DOMContentLoaded", () => {
  const errors = document.querySelector(".form-errors");
  if (errors) errors.focus();
});

// 同一个表单不提交两次
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.dataset.sent) {
    if (form.dataset.sent) event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 8000);
});

// data-confirm 的按钮先问一句
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-confirm]");
  if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
});

// htmx 的请求带上防伪令牌
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) event.detail.headers["X-CSRFToken"] = token.value;
});

// 打开的菜单：点到别处或按 Esc 即收起
const closed = (except) => document.querySelectorAll(".nav-menu[open]").forEach((menu) => {
  if (menu !== except) menu.open = false;
});
document.addEventListener("click", (event) => closed(event.target.closest(".nav-menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement && document.activeElement.closest(".nav-menu");
  closed(null);
  if (menu) menu.querySelector("summary").focus();
});
