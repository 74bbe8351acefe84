// 图只是数字旁边的一眼：没有这段脚本，旁边的表就是全部。
"use strict";

const ROW = 30;
const MOST = 12;
const FONT = "GS Sans, sans-serif";

document.addEventListener("DOMContentLoaded", () => {
  if (!window.echarts) return;
  for (const place of document.querySelectorAll("[data-picture]")) {
    const links = [...place.closest("section").querySelectorAll(".cockpit-part")].slice(0, MOST);
    if (!links.length) continue;
    place.hidden = false;
    place.style.height = `${links.length * ROW + 40}px`;
    place.setAttribute("aria-hidden", "true");
    const chart = window.echarts.init(place, null, { renderer: "svg" });
    const draw = () => chart.setOption({
      animation: false,
      grid: { left: place.clientWidth < 420 ? 124 : 184, right: 64, top: 4, bottom: 4 },
      xAxis: { type: "value", show: false, max: place.dataset.picture === "targets" ? 100 : undefined },
      yAxis: {
        type: "category",
        inverse: true,
        data: links.map((each) => each.dataset.label),
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { width: place.clientWidth < 420 ? 110 : 170, overflow: "truncate", ellipsis: "…", color: "#1c2733", fontFamily: FONT, fontSize: 12 },
      },
      series: [{
        type: "bar",
        barWidth: 14,
        itemStyle: { color: "#1d4f91" },
        data: links.map((each) => Number(each.dataset.bar)),
        label: { show: true, position: "right", fontFamily: FONT, formatter: (one) => links[one.dataIndex].querySelector("b").textContent },
      }],
    });
    draw();
    chart.on("click", (one) => links[one.dataIndex].click());
    window.addEventListener("resize", () => { chart.resize(); draw(); });
  }
});
