// A day of a client in TypeScript. `api.ts` is generated from the OpenAPI document. It prints what it saw, as JSON.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.ts";

type Schemas = components["schemas"];

const [baseUrl, email, password, serviceId] = process.argv.slice(2);
const seen: Record<string, unknown> = {};

function answered<T>(result: { data?: T; error?: Schemas["Problem"] }): T {
  if (result.data === undefined) throw new Error(JSON.stringify(result.error));
  return result.data;
}

const api = createClient<paths>({ baseUrl });
const tokens = answered(await api.POST("/api/v1/auth/login", { body: { email, password } }));
api.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${tokens.access}`);
  },
});

const list = await api.GET("/api/v1/customers", { params: { query: { tags: ["vip", "regular"], ordering: "name" } } });
seen.url = new URL(list.response.url).search;
seen.listed = answered(list).items.map((one) => ("first_name" in one ? one.first_name : one.id));

const gender: components["schemas"]["Gender"] = "female";
// @ts-expect-error: the words are a type.
const wrong: Schemas["Gender"] = "woman";
const body: Schemas["NewCustomerRequest"] = { first_name: "Jane", phone: "+6281234567890", gender, tags: ["vip"] };
const header = { "Idempotency-Key": crypto.randomUUID() };
const created = answered(await api.POST("/api/v1/customers", { body, params: { header } }));
const repeated = await api.POST("/api/v1/customers", { body, params: { header } });
seen.replayed = [answered(repeated).id === created.id, repeated.response.headers.get("Idempotency-Replayed")];

const path = { customer_id: created.id };
const read = await api.GET("/api/v1/customers/{customer_id}", { params: { path } });
const etag = read.response.headers.get("ETag") ?? "";
const update = (last_name: string) =>
  api.PATCH("/api/v1/customers/{customer_id}", { body: { last_name }, params: { path, header: { "If-Match": etag } } });
seen.updated = answered(await update("Doe")).last_name;
const stale = await update("Roe");
const code: Schemas["ProblemCode"] | undefined = stale.error?.code;
seen.stale = [stale.response.status, code];

const query = { service_id: serviceId, from_date: "2030-06-03", to_date: "2030-06-03" };
const [slot] = answered(await api.GET("/api/v1/availability", { params: { query } })).slots;
const { appointment_date, start_time, staff_id, outlet_id } = slot;
const book = () =>
  api.POST("/api/v1/appointments", {
    body: { customer_id: created.id, service_id: serviceId, staff_id, outlet_id, appointment_date, start_time },
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  });
const booked = answered(await book());
const status: Schemas["AppointmentStatus"] = booked.status;
seen.booked = [booked.appointment_date, status];
const taken = await book();
seen.taken = [taken.response.status, taken.error?.code, taken.error?.alternatives?.length];

console.log(JSON.stringify(seen));
