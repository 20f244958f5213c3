// The openai package as it is published, against the server at PALIMPSEST_URL, which serves abacus-mdm.
import assert from "node:assert/strict";
import {test} from "node:test";
import OpenAI from "openai";

const url = process.env.PALIMPSEST_URL;
const client = new OpenAI({baseURL: url + "/v1", apiKey: process.env.PALIMPSEST_KEY ?? "none", maxRetries: 0});
const messages = [{role: "user", content: "24+7-9=?"}];
const model = (await client.models.list()).data[0].id;
const chat = (more = {}) => client.chat.completions.create({model, messages, ...more});

test("models are listed", async () => {
  const models = await client.models.list();
  assert.equal(models.object, "list");
  assert.equal(models.data[0].object, "model");
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("a chat is answered, and the same seed gives the same answer", async () => {
  const answer = await chat({seed: 3});
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices.length, 1);
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.equal((await chat({seed: 3})).choices[0].message.content, answer.choices[0].message.content);
});

test("a stream adds up to the answer, with the usage last", async () => {
  const whole = await chat();
  const stream = await chat({stream: true, stream_options: {include_usage: true}});
  let text = "", reason = null, last = null;
  for await (const chunk of stream) {
    assert.equal(chunk.object, "chat.completion.chunk");
    text += chunk.choices[0]?.delta.content ?? "";
    reason = chunk.choices[0]?.finish_reason ?? reason;
    last = chunk;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(reason, whole.choices[0].finish_reason);
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, whole.usage);
});

test("the stream helper accumulates the same answer, also between step frames", async () => {
  const whole = await chat();
  for (const more of [{}, {return_steps: true}]) {
    const stream = client.chat.completions.stream({model, messages, ...more});
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
  }
});

test("step frames come on request, on chunks like any other", async () => {
  const stream = await chat({stream: true, return_steps: true});
  let frames = 0, left = Infinity;
  for await (const chunk of stream) {
    assert.equal(chunk.choices.length, 1);
    if (chunk.diffusion) {
      frames++;
      assert.ok(chunk.diffusion.masked_left <= left);
      left = chunk.diffusion.masked_left;
    }
  }
  assert.ok(frames > 1);
  assert.equal(left, 0);
});

test("a stream that is left is given up", async () => {
  const stream = await chat({stream: true, return_steps: true, n: 4});
  for await (const _ of stream) break;
  stream.controller.abort();
  const running = async () => Number(/^palimpsest:num_requests_running (\S+)$/m.exec(await (await fetch(url + "/metrics")).text())[1]);
  for (const begun = Date.now(); (await running()) > 0;) {
    assert.ok(Date.now() - begun < 10_000, "it still runs");
    await new Promise(done => setTimeout(done, 20));
  }
});

test("errors have their types, and name the parameter", async () => {
  const refused = async (promise, kind, status, param) => {
    const error = await promise.then(() => assert.fail("it was answered"), error => error);
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.status, status);
    assert.equal(error.param, param);
    assert.ok(error.message.length > 10);
  };
  await refused(chat({tempratur: 1}), OpenAI.BadRequestError, 400, "tempratur");
  await refused(chat({temperature: "hot"}), OpenAI.BadRequestError, 400, "temperature");
  await refused(chat({max_tokens: 100_000}), OpenAI.BadRequestError, 400, "max_tokens");
  await refused(chat({model: "gpt-5"}), OpenAI.NotFoundError, 404, "model");
  await refused(chat({messages: []}), OpenAI.BadRequestError, 400, "messages");
  await refused(chat({response_format: {type: "json_object"}}), OpenAI.BadRequestError, 400, "response_format.type");
});

test("texts are completed: one, several, and several of one", async () => {
  const prompt = "24+7-9=?";
  const one = await client.completions.create({model, prompt});
  assert.equal(one.object, "text_completion");
  const two = await client.completions.create({model, prompt: [prompt, "3+4=?"], n: 2, temperature: 0});
  assert.deepEqual(two.choices.map(each => each.index), [0, 1, 2, 3]);
  assert.equal(two.choices[0].text, one.choices[0].text);
  assert.equal(two.choices[1].text, one.choices[0].text);
  const scored = await client.completions.create({model, prompt, logprobs: 2});
  const {tokens, token_logprobs: values, top_logprobs: tops} = scored.choices[0].logprobs;
  assert.equal(tokens.length, values.length);
  assert.ok(values.every(value => value <= 0));
  assert.equal(tops.length, tokens.length);
});

test("log-probabilities of a chat come with alternatives", async () => {
  const answer = await chat({logprobs: true, top_logprobs: 3});
  const {content} = answer.choices[0].logprobs;
  assert.equal(content.map(each => each.token).join("").trim(), answer.choices[0].message.content.trim());
  assert.ok(content.every(each => each.top_logprobs.length === 3));
});

test("twenty at once get what each gets alone", async () => {
  const prompts = Array.from({length: 20}, (_, index) => `${index + 1}+${index + 5}=?`);
  const ask = content => client.chat.completions.create({model, messages: [{role: "user", content}], temperature: 0.8, seed: content.length});
  const together = await Promise.all(prompts.map(ask));
  for (let index = 0; index < prompts.length; index++) {
    assert.equal(together[index].choices[0].message.content, (await ask(prompts[index])).choices[0].message.content);
  }
});
