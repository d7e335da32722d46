"use strict";
// What scrolls sideways takes the keyboard's focus, as long as it does; cells know the heads of their columns, which
// a phone shows beside them.
const SCROLLERS = "article pre, article .table-wrapper, article .output > div, article dd, article p";

function reach() {
  for (const part of document.querySelectorAll(SCROLLERS)) {
    const scrolls = part.scrollWidth > part.clientWidth && /auto|scroll/.test(getComputedStyle(part).overflowX);
    if (scrolls) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}

function nameCells() {
  for (const row of document.querySelectorAll("article .table-wrapper tbody tr")) {
    const heads = row.closest("table").querySelectorAll("thead th");
    [...row.cells].forEach((cell, i) => (cell.dataset.head = heads[i]?.textContent.trim() ?? ""));
  }
}

// A picture of floors that is wider than a phone begins with its middle.
function centre() {
  for (const part of document.querySelectorAll('article p:has(> img[src*="floors"])')) part.scrollLeft = (part.scrollWidth - part.clientWidth) / 2;
}

addEventListener("DOMContentLoaded", nameCells);
addEventListener("load", reach);
addEventListener("load", centre);
addEventListener("resize", reach);
