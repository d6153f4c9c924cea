// What a script finds in place of JavaScript's own, where that could not be stopped, or would answer
// otherwise at the next replay. It runs before the script, and freezes everything when it is done.
(function (refuse, kept, tame) {
	"use strict";
	const define = (object, name, value) =>
		Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });

	for (const name of Object.getOwnPropertyNames(globalThis)) {
		if (!kept.includes(name)) delete globalThis[name];
	}

	// Code made of text.
	const noCode = function () { refuse("code made of text"); };
	for (const sample of [function () {}, function* () {}]) {
		define(Object.getPrototypeOf(sample), "constructor", noCode);
	}
	noCode.prototype = Object.getPrototypeOf(function () {});
	define(globalThis, "Function", noCode);

	// Chance.
	define(Math, "random", () => refuse("Math.random: a replay would give another answer"));

	// Clock and time zone: moments come from events, and days are UTC's.
	const RealDate = Date;
	const zoned = /(z|[+-]\d\d:?\d\d|gmt|utc)$/i, day = /^[+-]?\d{4,6}(-\d\d(-\d\d)?)?$/;
	const utc = text => {
		text = text.trim();
		if (day.test(text) || zoned.test(text)) return text;
		return /^[+-]?\d{4,6}-\d\d-\d\dT/.test(text) ? text + "Z" : text + " GMT";
	};
	const now = () => refuse("the clock: a replay would give another answer; use event.created");
	const SafeDate = function Date(...args) {
		if (!new.target || args.length === 0) now();
		if (args.length > 1) args = [RealDate.UTC(...args)];
		else if (typeof args[0] === "string") args = [utc(args[0])];
		return Reflect.construct(RealDate, args, new.target);
	};
	SafeDate.prototype = RealDate.prototype;
	define(SafeDate, "UTC", RealDate.UTC);
	define(SafeDate, "parse", text => RealDate.parse(utc(String(text))));
	define(SafeDate, "now", now);
	const dates = RealDate.prototype;
	define(dates, "constructor", SafeDate);
	for (const name of ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"]) {
		define(dates, "get" + name, dates["getUTC" + name]);
		if (name !== "Day") define(dates, "set" + name, dates["setUTC" + name]);
	}
	const texts = ["toString", "toDateString", "toTimeString", "toLocaleString", "toLocaleDateString",
		"toLocaleTimeString"];
	for (const name of texts) define(dates, name, dates.toUTCString);
	for (const name of ["getYear", "setYear"]) delete dates[name];
	define(dates, "getTimezoneOffset", () => 0);
	define(globalThis, "Date", SafeDate);

	// Expressions that backtrack.
	const RealRegExp = RegExp;
	const SafeRegExp = function RegExp(pattern, flags) {
		if (!(pattern instanceof RealRegExp)) pattern = pattern === undefined ? "(?:)" : String(pattern);
		if (flags !== undefined) flags = String(flags);
		tame(typeof pattern === "string" ? pattern : pattern.source, flags === undefined ? "" : flags);
		return Reflect.construct(RealRegExp, [pattern, flags], new.target || SafeRegExp);
	};
	SafeRegExp.prototype = RealRegExp.prototype;
	define(RealRegExp.prototype, "constructor", SafeRegExp);
	delete RealRegExp.prototype.compile;
	define(globalThis, "RegExp", SafeRegExp);
	for (const [name, symbol] of [["match", Symbol.match], ["matchAll", Symbol.matchAll], ["search", Symbol.search]]) {
		const real = String.prototype[name];
		define(String.prototype, name, function (pattern) {
			const known = pattern !== null && typeof pattern === "object" && pattern[symbol] !== undefined;
			return real.call(this, known ? pattern : new SafeRegExp(pattern, name === "matchAll" ? "g" : undefined));
		});
	}

	// Loops that no interrupt reaches.
	define(Array.prototype, "flat", function flat(depth = 1) {
		const all = [];
		for (const item of this) {
			if (depth >= 1 && Array.isArray(item)) all.push(...flat.call(item, depth - 1));
			else all.push(item);
		}
		return all;
	});
	define(Array.prototype, "flatMap", function (f, self) { return this.map(f, self).flat(); });
	delete Array.prototype.toLocaleString;
	const parse = JSON.parse;
	const revive = (holder, key, reviver) => {
		const value = holder[key];
		if (value !== null && typeof value === "object") {
			for (const name of Object.keys(value)) {
				const revived = revive(value, name, reviver);
				if (revived === undefined) delete value[name];
				else value[name] = revived;
			}
		}
		return reviver.call(holder, key, value);
	};
	define(JSON, "parse", (text, reviver) => {
		const value = parse(String(text));
		return typeof reviver === "function" ? revive({ "": value }, "", reviver) : value;
	});

	// Nothing that two events share can be changed. What objects inherit may still be hidden by a
	// property of their own, as if it were not frozen.
	const shadow = prototype => {
		for (const name of Object.getOwnPropertyNames(prototype)) {
			const { value, configurable } = Object.getOwnPropertyDescriptor(prototype, name);
			if (value === undefined || !configurable) continue;
			Object.defineProperty(prototype, name, {
				get: () => value,
				set(own) {
					if (this === prototype) refuse("changing what all objects share");
					Object.defineProperty(this, name,
						{ value: own, writable: true, enumerable: true, configurable: true });
				},
			});
		}
	};
	const seen = new Set();
	const freeze = object => {
		if (object === null || typeof object !== "object" && typeof object !== "function" || seen.has(object)) return;
		seen.add(object);
		for (const key of Reflect.ownKeys(object)) {
			const { value, get, set } = Object.getOwnPropertyDescriptor(object, key);
			freeze(value), freeze(get), freeze(set);
		}
		freeze(Object.getPrototypeOf(object));
	};
	for (const name of Object.getOwnPropertyNames(globalThis)) if (name !== "globalThis") freeze(globalThis[name]);
	const samples = [[][Symbol.iterator](), ""[Symbol.iterator](), new Map().entries(), new Set().values(),
		"".matchAll(/x/g), function* () {}, (function* () {})(), function () {}];
	samples.forEach(sample => freeze(Object.getPrototypeOf(sample)));
	[Object, Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]
		.forEach(type => shadow(type.prototype));
	seen.forEach(Object.freeze);
})
