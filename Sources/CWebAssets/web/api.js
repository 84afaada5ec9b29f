// SPDX-License-Identifier: Apache-2.0
//
// The one place that talks to the server. Paths are relative, so the page also works behind a proxy that adds
// a prefix. Errors carry what the server said; `unreachable` tells a dead server from a refused query.

const timeoutMilliseconds = 30000;

export class ServerError extends Error {
  constructor(message, { unreachable = false, kind = "" } = {}) {
    super(message);
    this.unreachable = unreachable;
    this.kind = kind;
  }
}

async function call(path, options, signal) {
  const deadline = AbortSignal.timeout(timeoutMilliseconds);
  let response;
  try {
    response = await fetch(`api/v1/${path}`, {
      ...options,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const words = deadline.aborted ? "no answer within 30 s" : "cannot connect";
    throw new ServerError(words, { unreachable: true });
  }
  if (response.status === 503 && !response.headers.get("content-type")?.includes("json")) {
    throw new ServerError("starting", { unreachable: true, kind: "starting" });
  }
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError(`answer ${response.status} is not JSON`, { unreachable: response.status >= 500 });
  }
  if (body.status !== "success") throw new ServerError(body.error ?? "unknown error", { kind: body.errorType });
  return body;
}

export async function get(path, signal) {
  return (await call(path, {}, signal)).data;
}

function form(path, fields, signal) {
  return call(path, { method: "POST", body: new URLSearchParams(fields) }, signal);
}

// → {result: [{metric, values: [[seconds, "text"]]}], notes: [text]}
export async function range(query, { start, end, step }, signal) {
  const body = await form("query_range", { query, start, end, step }, signal);
  return { result: body.data.result, notes: notes(body) };
}

// → {type, result, notes}
export async function instant(query, time, signal) {
  const body = await form("query", time ? { query, time } : { query }, signal);
  return { type: body.data.resultType, result: body.data.result, notes: notes(body) };
}

function notes(body) {
  return [...(body.warnings ?? []), ...(body.infos ?? [])];
}
