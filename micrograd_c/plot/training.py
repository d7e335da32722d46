"""A training run, watched: the decision boundary and the loss, step by step."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from .._checks import whole
from .._core import brief, to_float
from ..engine import Value
from .axes import BLUE, needed, number
from .models import Plane, largest, loss_curve


class Training:
    """What `training` has seen. A notebook shows it as an animation, trusted or not: it is a picture, no script.

    Attributes
    ----------
    losses : list of float
        The loss of each step, before the step changed the parameters.
    figure : matplotlib Figure
        The boundary and the loss after the last step.
    """

    def __init__(self, plane: Plane, losses: list[float], seen: list[tuple[int, Any, int]]) -> None:
        self.losses = losses
        self._plane, self._seen = plane, seen

    def __repr__(self) -> str:
        first, last = self.losses[0], self.losses[-1]
        return f"<Training: {len(self.losses)} steps, loss {first:.4g} to {last:.4g}, {self._right(-1)}>"

    def _right(self, i: int) -> str:
        return f"{self._seen[i][2]} of {len(self._plane.points)} right"

    @cached_property
    def figure(self) -> Any:
        """The boundary and the loss after the last step."""
        figure = self._empty()
        self._show(figure, -1)
        return figure

    def _empty(self) -> Any:
        """Return the figure with all that is the same after each step."""
        figure = needed("matplotlib.figure").Figure(figsize=(9.6, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        self._plane.mark(left)
        left.get_legend().set_loc("upper right")
        loss_curve(self.losses, ax=right)
        right.set(xlim=right.get_xlim(), ylim=right.get_ylim())
        right.plot([], [], "o", color=BLUE, markeredgecolor="white", clip_on=False, in_layout=False)
        return figure

    def _show(self, figure: Any, i: int) -> tuple[Any, ...]:
        """Draw what was seen i-th, and return what has to go before the next."""
        done, scores, _ = self._seen[i]
        left, right = figure.axes
        left.set_title(f"After {done} of {len(self.losses)} steps: {self._right(i)}")
        right.set_title(f"Loss: {self.losses[done - 1]:.4g}" if done else "Loss")
        line, dot = right.lines
        line.set_data(range(1, done + 1), self.losses[:done])
        dot.set_data([done], self.losses[done - 1 : done]) if done else dot.set_data([], [])
        shade: tuple[Any, ...] = self._plane.shade(left, scores, largest(self._seen[-1][1]))
        return shade

    def _pictures(self) -> list[Any]:
        """Return an image for each state that was seen, in 256 colours."""
        import numpy as np
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        figure, images = self._empty(), []
        canvas: Any = FigureCanvasAgg(figure)
        for i in range(len(self._seen)):
            shade = self._show(figure, i)
            canvas.draw()
            figure.set_layout_engine("none")  # from the second picture on nothing moves
            images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
            for artist in shade:
                artist.remove()
        colours = images[-1].quantize(255)
        palette = [*(colours.getpalette() or [])[: 3 * 255], 255, 255, 255]  # the last one for what is white
        for i, image in enumerate(images):
            pixels = np.asarray(image.quantize(palette=colours, dither=Image.Dither.NONE))
            images[i] = Image.fromarray(np.where((np.asarray(image) == 255).all(-1), np.uint8(255), pixels))
            images[i].putpalette(palette)
        return images

    def _animated(self, kind: str) -> bytes:
        """Return the pictures as "PNG", whose still is the last one, or as "GIF". They are played three times."""
        images, out = self._pictures(), io.BytesIO()
        options: dict[str, Any] = {"save_all": True, "duration": [*[160] * (len(images) - 1), 2000]}
        if kind == "PNG":
            images[-1].save(out, kind, append_images=images, default_image=True, loop=3, **options)
        else:
            images[0].save(out, kind, append_images=images[1:], loop=2, **options)
        return out.getvalue()

    @cached_property
    def _png(self) -> bytes:
        return self._animated("PNG")

    def _repr_png_(self) -> bytes:
        return self._png

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file.

        Parameters
        ----------
        path : str or path-like
            By its ending: `.gif` and `.png` are animations, and what shows no animated PNG shows its last state;
            all else is the last state, in any format of matplotlib's, such as `.svg` and `.pdf`.
        """
        ending = Path(path).suffix.lower()
        if ending in (".gif", ".png"):
            Path(path).write_bytes(self._png if ending == ".png" else self._animated("GIF"))
        else:
            self.figure.savefig(path)


def training(
    model: Any,
    X: Any,
    y: Any,
    loss: Callable[[], Any] | None = None,
    steps: int = 100,
    *,
    step: Callable[[int], Any] | None = None,
    lr: float | Callable[[int], float] = 0.1,
    frames: int = 25,
    grid: int = 40,
    margin: float = 0.5,
) -> Training:
    """Train a model of two features, and show how its boundary moves and its loss falls, side by side.

    Give `loss`, and each step is micrograd's: the loss, `zero_grad`, `backward`, and `p.data -= lr * p.grad`. Or
    give `step`, which does one step in any other way, with an optimiser or a program. The gradients of the last
    step stay in the parameters, as they do after a loop of your own.

    Parameters
    ----------
    model : Module
        Takes a list of two floats, returns a Value or a number.
    X : array_like, shape (n, 2)
    y : array_like, shape (n,)
        Labels of two classes; the larger one is expected where the score is positive.
    loss : callable, optional
        Without arguments; returns the loss, a Value, or a tuple that begins with it, as that of micrograd's demo.
    steps : int
        How many steps are made, at least 1.
    step : callable, optional
        Takes the index of the step, from 0, makes the step, and returns its loss, a Value or a number, or a tuple
        that begins with it.
    lr : float or callable
        The learning rate of `loss`, or a function of the index of the step, such as those of `optim`.
    frames : int
        How many states are shown at most, the untrained and the last one among them.
    grid : int
        Points along each axis at which the model is asked.
    margin : float
        Space around the samples, in their units.

    Returns
    -------
    Training
        With `losses`, `figure` and `save(path)`.

    Raises
    ------
    TypeError
        Where there are both `loss` and `step`, or neither, or they return no loss.
    ValueError
        Where X is not finite and of shape (n, 2), y not of n labels of two classes, `steps` below 1, or `frames` or
        `grid` below 2.

    Examples
    --------
    >>> from micrograd_c import MLP, mse
    >>> X, y, model = [(0, 0), (0, 1), (1, 0), (1, 1)], [-1, 1, 1, -1], MLP(2, [8, 1])
    >>> run = training(model, X, y, lambda: mse(map(model, X), y), steps=20, lr=0.05)
    >>> run.save("moons.gif")  # doctest: +SKIP
    """
    needed("matplotlib.figure")
    if (loss is None) == (step is None):
        raise TypeError(
            "training takes loss, a function without arguments, or step, a function of the step's index"
        )
    given = step if loss is None else loss
    if not callable(given):
        kind = type(given).__name__
        raise TypeError(f"training: loss and step are functions, not {kind}: pass loss, and not loss()")
    if loss and not hasattr(model, "zero_grad"):
        raise TypeError(f"training: loss trains a Module, not {type(model).__name__}: give step for another model")
    steps, frames = whole(steps, "training: steps", 1), whole(frames, "training: frames", 2)
    plane = Plane("training", model, X, y, grid, margin)
    shown = {round(i * steps / (frames - 1)) for i in range(frames)}
    losses: list[float] = []
    seen = [(0, plane.scores(model), plane.right(model))]
    for k in range(steps):
        out = loss() if loss else step(k)  # type: ignore[misc]
        total = out[0] if isinstance(out, tuple) and out else out
        if total is None or (loss and not isinstance(total, Value)):
            kind = "loss must return a Value" if loss else "step must return the loss, a Value or a number"
            raise TypeError(f"training: {kind}, or a tuple that begins with it, not {brief(total)}")
        if loss:
            rate = to_float(lr(k) if callable(lr) else lr, "lr")
            model.zero_grad()
            total.backward()
            for p in model.parameters():
                p.data -= rate * p.grad
        losses.append(number(total, "what step returns"))
        if k + 1 in shown:
            seen.append((k + 1, plane.scores(model), plane.right(model)))
    return Training(plane, losses, seen)
