/** The rules of this house that no linter brings along; each has a planted fault in `scripts/canaries.test.ts`. */

/** A file begins with one sentence that says what it is for. */
const firstSentence = {
  create(context) {
    return {
      Program(node) {
        const text = context.sourceCode.text.replace(/^#!.*\n/u, '');
        if (/^\/\*\*[^*]*(?:\*(?!\/)[^*]*)*[.:!?`)]\s*(?:\*\s*@[\s\S]*?)?\*\//u.test(text)) return;
        context.report({ node, message: 'A file begins with /** one sentence. */ that says what it is for.' });
      },
    };
  },
};

const bareErrors = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'ReferenceError',
  'EvalError',
  'URIError',
  'AggregateError',
]);

/** Errors come from the catalogue: a code, a status, a hint. */
const catalogueErrors = {
  create(context) {
    return {
      ThrowStatement(node) {
        const thrown = node.argument;
        const made = thrown?.type === 'NewExpression' || thrown?.type === 'CallExpression';
        if (!made || thrown.callee.type !== 'Identifier' || !bareErrors.has(thrown.callee.name)) return;
        context.report({ node, message: `Throw a KeelsonError of the catalogue, not a bare ${thrown.callee.name}.` });
      },
    };
  },
};

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

function nameOf(node) {
  if (node.id?.name !== undefined) return node.id.name;
  const { parent } = node;
  if (parent?.type === 'VariableDeclarator') return parent.id.name;
  if (parent?.type === 'MethodDefinition' || parent?.type === 'PropertyDefinition' || parent?.type === 'Property') return parent.key.name;
  return undefined;
}

function insideParse(node) {
  for (let at = node.parent; at; at = at.parent) {
    if (functionTypes.has(at.type) && /^parse(?:[A-Z0-9]|$)/u.test(nameOf(at) ?? '')) return true;
  }
  return false;
}

/** What a value is gets decided where it is read: `as` stands only in functions named `parse…`. */
const assertionsInParse = {
  create(context) {
    function check(node) {
      const type = node.typeAnnotation;
      const constant = type.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'const';
      if (constant || insideParse(node)) return;
      context.report({ node, message: 'No `as` outside a function whose name starts with `parse`; narrow the type, or use `satisfies`.' });
    }
    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};

/** The time of day is asked of a clock that is passed in. */
const clockOnly = {
  create(context) {
    const message = 'Ask the clock that is passed in (`clock.now()`), so that a test can move it.';
    return {
      NewExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
          context.report({ node, message });
      },
      CallExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date') context.report({ node, message });
      },
      MemberExpression(node) {
        const { object, property } = node;
        if (object.type === 'Identifier' && object.name === 'Date' && property.name === 'now') context.report({ node, message });
      },
    };
  },
};

function isEntity(node) {
  const base = node.superClass;
  return base?.type === 'CallExpression' && base.callee.type === 'Identifier' && base.callee.name === 'entity';
}

/** Rows become entities without their constructor: a field of its own would be missing on them, a `#private` would throw. */
const entityShape = {
  create(context) {
    function check(node) {
      if (!isEntity(node)) return;
      for (const member of node.body.body) {
        const field = member.type === 'PropertyDefinition' && !member.static && !member.declare;
        const hidden = member.key?.type === 'PrivateIdentifier';
        if (field || hidden)
          context.report({ node: member, message: 'An entity holds methods and getters only; its fields are its columns.' });
      }
    }
    return { ClassDeclaration: check, ClassExpression: check };
  },
};

/** SQL is written as SQL: text that is put together never becomes a statement. */
const constantSql = {
  create(context) {
    return {
      CallExpression(node) {
        const { callee } = node;
        if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier') return;
        if (callee.object.name !== 'sql' || callee.property.name !== 'raw') return;
        const [text] = node.arguments;
        const constant = text?.type === 'Literal' || (text?.type === 'TemplateLiteral' && text.expressions.length === 0);
        if (!constant) context.report({ node, message: 'sql.raw() takes constants only; values are parameters of sql`…`.' });
      },
    };
  },
};

export default {
  meta: { name: 'house' },
  rules: {
    'first-sentence': firstSentence,
    'catalogue-errors': catalogueErrors,
    'assertions-in-parse': assertionsInParse,
    'clock-only': clockOnly,
    'entity-shape': entityShape,
    'constant-sql': constantSql,
  },
};
