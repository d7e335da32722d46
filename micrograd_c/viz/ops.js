const OPS = (() => {
%%FUNCTIONS%%
function logistic(x) { const e = exp(-fabs(x)); return (x < 0 ? e : 1) / (1 + e); }
function logaddexp(x, y) { return x === y ? x + Math.LN2 : (x > y ? x : y) + log1p(exp(-fabs(x - y))); }
/* erf by its series, erfc for larger x by its continued fraction (Abramowitz and Stegun 7.1.6 and 7.1.14) */
function erf(x) {
  if (fabs(x) > 2) return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
  let term = x, sum = x;
  for (let n = 1; n < 80 && sum + term !== sum; n++) { term *= 2 * x * x / (2 * n + 1); sum += term; }
  return 2 / sqrt(Math.PI) * exp(-x * x) * sum;
}
function erfc(x) {
  if (x !== x) return x;
  if (x < 2) return 1 - erf(x);
  let f = 0;
  for (let n = 120; n > 0; n--) f = n / 2 / (x + f);
  return exp(-x * x) / sqrt(Math.PI) / (x + f);
}
return %%ROWS%%;
})();
