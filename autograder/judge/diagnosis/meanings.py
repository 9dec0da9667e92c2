"""What exceptions mean here: the table of rules, the first that fits is told.

An example is the body of an answer that ends with the exception; `{name}` stands for
the exercise, and braces are doubled.
"""

from autograder.judge.diagnosis import names
from autograder.judge.diagnosis.rules import (
    CALLED,
    NOTHING,
    SHAPES,
    Raised,
    Rule,
    keys,
    lost_axis,
    no_function,
    of_a_class,
    other_call,
    overwritten,
    own_call,
)

TRANSPOSED = (
    "In PyTorch `transpose` exchanges two axes: `transpose(0, 1)`. What takes the "
    "order of all axes is called `permute`."
)

RULES = (
    Rule(
        "a class, not a function",
        "TypeError",
        r"__init__\(\) (takes|missing|got)|takes no arguments",
        of_a_class,
        "class {name}:\n    def __init__(self):\n        pass\n",
    ),
    Rule(
        "no function at all",
        "TypeError",
        r"'(?P<kind>[\w.]+)' object is not callable",
        no_function,
        "{name} = 3.0\n",
    ),
    Rule(
        "overflow as an error",
        "FloatingPointError",
        "overflow",
        "exp of a large number overflows, and `np.seterr` makes an error of it. In a "
        "softmax, subtract the row's largest number before exp: the shares stay the "
        "same.",
        "np.seterr(over='raise'); return np.exp(1000 + S)",
        line="exp",
    ),
    Rule(
        "floating-point error",
        "FloatingPointError",
        "",
        "Something like 0 / 0 or an overflow happens here, and `np.seterr` makes an "
        "error of what would be nan or inf.",
        "np.seterr(divide='raise'); return S / (0 * S)",
    ),
    Rule(
        "math.exp overflows",
        "OverflowError",
        "math range error|too large",
        "A power or an exp of a large number is too large to be held. In a softmax, "
        "subtract the row's largest number first: the shares stay the same.",
        "import math; return math.exp(1000)",
        line=r"exp|\*\*|pow",
    ),
    Rule(
        "too large",
        "OverflowError",
        "",
        "A number grows too large to be held: which step makes it so large?",
        "big = 10**400\n    return float(big) + S",
    ),
    Rule(
        "precisions meet",
        "",
        "same dtype|scalar type|expected m1 and m2 to have the same",
        "Tensors of two precisions meet. Torch makes float32, what comes from NumPy "
        "float64: `.float()` makes it float32, and `torch.zeros(..., dtype=X.dtype)` "
        "follows X.",
        "return torch.as_tensor(S) @ torch.ones(S.shape[1], 2)",
    ),
    Rule(
        "parts of several shapes",
        "",
        "inhomogeneous",
        "An array is made of parts of one shape. Print the shape of each part.",
        "return np.array([[1.0], [1.0, 2.0]])",
    ),
    Rule(
        "axis without its name",
        "",
        "Cannot interpret .* data type",
        "What comes after the axis needs its name: `keepdims=True`.",
        "return S.sum(-1, True)",
        line=r"\b(sum|mean|max|min|std|var)\(",
    ),
    Rule(
        "a shape is one tuple",
        "",
        "Cannot interpret .* data type",
        "A shape is one tuple, with brackets of its own: `np.zeros((n, d))`.",
        "return np.zeros(3, 4)",
    ),
    Rule(
        "split along the first axis",
        "",
        "equal division",
        "`np.split` cuts along the first axis, unless told: `axis=-1`.",
        "return np.split(S, 7)",
    ),
    Rule(
        "transpose of too few axes",
        "",
        "axes don't match",
        "NumPy's `transpose` takes the order of all axes, such as "
        "`transpose(1, 0, 2)`. `swapaxes(-1, -2)` exchanges two. Here {given}.",
        "return S.transpose(0, 2, 1)",
        line="transpose",
    ),
    Rule(
        "input overwritten",
        "",
        SHAPES,
        overwritten,
        "W = np.ones((2, S.shape[1], 9))\n    for i in (0, 1):\n        S = S @ W[i]",
    ),
    Rule(
        "an axis lost",
        "",
        "operands could not be broadcast",
        lost_axis,
        "return S / S.sum(axis=-1)",
    ),
    Rule(
        "shapes do not fit",
        "",
        SHAPES,
        "The shapes do not fit each other. Here {given}. Write the shape of every "
        "factor beside it: which two sizes have to be equal?",
        "return S @ np.ones((S.shape[1] + 1, 2))",
    ),
    Rule(
        "used before it is given",
        "UnboundLocalError",
        r"'(?P<unbound>\w+)'",
        "`{unbound}` is used before your function has given it a value.",
        "S = S - top; top = 1; return S",
    ),
    Rule(
        "an unknown name",
        "NameError",
        r"'(?P<unknown>\w+)'",
        lambda raised, found: names.unknown_name(
            raised.exercise, found["unknown"], raised.line
        ),
        "return numbers",
    ),
    Rule(
        "an unknown attribute",
        "AttributeError",
        "",
        lambda raised, found: names.unknown_attribute(
            raised.exercise, raised.error.message, raised.line
        ),
        "return S.exp()",
    ),
    Rule(
        "ready for what is to be written",
        "LookupError",
        "gives nothing here",
        "`ready` brings the functions of earlier chapters. This one is yours to write.",
        "raise LookupError('ready(\"{name}\") gives nothing here')",
    ),
    Rule("an unknown key", "KeyError", "", keys, "return {{}}['W_q']"),
    Rule(
        "no such axis",
        "AxisError",
        "",
        "An axis that is not there. Count axes from the end: -1 is the last.",
        "return S.sum(axis=2)",
    ),
    Rule(
        "no such axis in torch",
        "IndexError",
        "Dimension out of range",
        "An axis that is not there. Count axes from the end: -1 is the last.",
        "return torch.as_tensor(S).sum(dim=3)",
    ),
    Rule(
        "an index past the end",
        "IndexError",
        "",
        "An index reaches past the end of an axis, or an array has fewer axes than "
        "indices. Here {given}.",
        "return S[99]",
    ),
    Rule(
        "a power written ^",
        "TypeError",
        r"for \^|bitwise_xor",
        "`^` is no power in Python: write `x ** 2`.",
        "return 2.0 ^ 2",
    ),
    Rule("own arguments", "TypeError", CALLED, own_call, "return {name}()"),
    Rule(
        "keepdims of the other library",
        "TypeError",
        "'keepdim'",
        "It is `keepdims` in NumPy, and `keepdim` in PyTorch.",
        "return S.sum(-1, keepdim=True)",
    ),
    Rule(
        "dim of the other library",
        "TypeError",
        "'dim'",
        "NumPy calls it `axis`, PyTorch `dim`.",
        "return S.sum(dim=-1)",
    ),
    Rule(
        "view of the other library",
        "TypeError ValueError",
        r"view\(\) takes|sub-type of ndarray",
        "NumPy's `view` is not PyTorch's. Use `reshape`.",
        "return S.view(1, 1, -1)",
    ),
    Rule(
        "np.transpose takes a tuple",
        "TypeError",
        r"transpose\(\) takes from",
        "`np.transpose` takes the order of the axes as one tuple.",
        "return np.transpose(S, 1, 0)",
    ),
    Rule(
        "transpose of the other library",
        "TypeError",
        r"transpose\(\) (takes|missing|got|received)",
        TRANSPOSED,
        "return torch.as_tensor(S).transpose(1, 0, 2)",
    ),
    Rule(
        "a function of the book",
        "TypeError",
        CALLED,
        other_call,
        "def scores(Q, K):\n        return Q\n    return scores(S)",
    ),
    Rule(
        "arguments of another call",
        "TypeError",
        CALLED,
        "`{called}` does not take these arguments: look up what it takes.",
        "return np.linspace()",
    ),
    Rule(
        "brackets after no function",
        "TypeError",
        "not callable",
        "Round brackets call a function, and this is none. `K.T` takes no brackets; "
        "square ones look something up.",
        "return S.T()",
    ),
    Rule(
        "one number wanted",
        "TypeError",
        "converted to Python scalars|size-1",
        "Python's `math` and `float` take one number. `np.exp`, `np.sqrt` and so on "
        "take an array.",
        "import math; return math.exp(S)",
    ),
    Rule(
        "a size that is no whole number",
        "TypeError",
        "as an integer|slice indices must be|expected a sequence of integers",
        "A size has to be a whole number: `//` gives one, `/` does not.",
        "return np.zeros(len(S) / 1)",
    ),
    Rule(
        "a tensor wanted, not a number",
        "TypeError",
        r"must be Tensor, not (int|float)",
        "Torch's functions take tensors, and this is a number: `x ** 0.5`.",
        "return torch.sqrt(2)",
    ),
    Rule(
        "a number has no length",
        "TypeError",
        r"has no len\(\)|len\(\) of unsized",
        "A single number has no length: a size is a number already.",
        "return len(3)",
    ),
    Rule(
        "a number has no parts",
        "TypeError",
        r"'(numpy\.)?(int|float)(64)?' object is not (iterable|subscriptable)",
        "This is a single number, and has no parts: what gives it, a sum over too many "
        "axes, or a loop over numbers? `range(n)` counts up to one.",
        "return [x for x in 3]",
    ),
    Rule(
        "a tensor wanted, not an array",
        "TypeError",
        "must be Tensor",
        "The arguments are NumPy arrays. Make tensors of them first, "
        "`torch.as_tensor(...)`, or use NumPy's own functions.",
        "return torch.softmax(S, -1)",
    ),
    Rule("nothing at all", "TypeError", "NoneType", NOTHING, "return [].append(1) + S"),
    Rule(
        "a list is no array",
        "TypeError",
        r"unsupported operand .*'list'|can't multiply sequence|list indices must be"
        r"|can only concatenate list",
        "A list does not calculate: `np.array(...)` makes an array of it first.",
        "return [1.0, 2.0] / 2",
    ),
    Rule(
        "a text among numbers",
        "TypeError ValueError UFuncTypeError",
        r"'str'|could not convert string|ufunc '\w+' did not contain a loop",
        "A text stands where a number is wanted: are there quotes too many, or a name "
        "where its value is meant?",
        "return S + 'a'",
    ),
    Rule(
        "kinds meet",
        "TypeError",
        "unsupported operand",
        "Two things of different kinds meet here. Print `type(...)` of each.",
        "return {{}} + S",
    ),
    Rule(
        "a package not here",
        "ModuleNotFoundError",
        "",
        "The exercises need no other package than the page imports.",
        "import no_such_package; return S",
    ),
    Rule(
        "nothing to import",
        "ImportError",
        "",
        "There is no such name in this package. Is it misspelt, or of another version?",
        "from numpy import no_such_name; return S",
    ),
    Rule(
        "endless calls",
        "RecursionError",
        "",
        "A function calls itself without an end.",
        "return {name}(S)",
    ),
    Rule(
        "an assert of one's own",
        "AssertionError",
        "",
        "An `assert` of your own does not hold here: {given}.",
        "assert len(S) == 99",
    ),
    Rule(
        "unreadable",
        "SyntaxError IndentationError TabError",
        "",
        "Python cannot read the cell: look at the line before it, too.",
        "exec('return')",
    ),
    Rule(
        "no yes or no of an array",
        "",
        "truth value of an array|Boolean value of Tensor",
        "Python's own `max`, `min`, `if` and `sum` do not know rows. NumPy's do: "
        "`X.max(axis=-1, keepdims=True)`.",
        "return max(S)",
    ),
    Rule(
        "too many values to take apart",
        "ValueError TypeError",
        "too many values to unpack|not enough values to unpack|cannot unpack",
        "The names on the left of `=` are more, or fewer, than the parts on the right. "
        "Here {given}.",
        "a, b, c = S.shape; return S",
    ),
    Rule(
        "division by zero",
        "ZeroDivisionError",
        "",
        "Something is divided by 0. Which number here can be 0?",
        "return 1 / 0",
    ),
    Rule(
        "read-only",
        "ValueError",
        "read-only",
        "This array may be read only. Make a copy, `.copy()`, and write into that.",
        "S.setflags(write=False); S[0] = 1; return S",
    ),
    Rule(
        "in place where a gradient is needed",
        "RuntimeError",
        r"in-place operation|inplace operation",
        "A tensor is changed in place (`+=`, `x[...] =`), and its old value is needed "
        "for the gradients. Make a new one.",
        "x = torch.ones(2, requires_grad=True); x += 1; return x",
    ),
    Rule(
        "gradients wanted",
        "RuntimeError",
        "requires grad",
        "A tensor that carries gradients does not become an array: stay with torch, or "
        "`.detach()` what is only looked at.",
        "return torch.ones(2, requires_grad=True).numpy()",
    ),
    Rule(
        "a file is opened",
        "OSError FileNotFoundError PermissionError",
        "",
        "A file is opened here. The exercises need none: everything is in the "
        "arguments.",
        "open('/no/such/file')",
    ),
)


def rule_for(raised: Raised) -> tuple[Rule | None, str]:
    """The first rule that fits an exception, and what it says."""
    for rule in RULES:
        if told := rule.told(raised):
            return rule, told
    return None, f"Here {raised.words['given']}. Which value does this line not take?"
