import type { ClientHalf, Service } from "./service.ts";
import type { Member } from "./union.ts";

/** Services by name. */
export type Services = Readonly<Record<string, Service>>;

/** The type of an app, as far as its clients care. */
export interface AnyApp {
  /** For types only. */
  readonly "~services"?: Services | undefined;
}

/** The services of an app. */
export type ServicesOf<App> = App extends { readonly "~services"?: (infer Found) | undefined }
  ? NonNullable<Found>
  : never;

/** What a service stands for. */
export type TypesOf<S> = S extends { readonly "~types"?: (infer Types) | undefined } ? NonNullable<Types> : never;

/** The names of an app's services. */
export type ServiceName<App> = keyof ServicesOf<App> & string;

/** The client halves that `connect<App>` wants. */
export type HalvesFor<App, Name extends string> = {
  readonly [Key in Name]: Key extends keyof ServicesOf<App> ? Member<TypesOf<ServicesOf<App>[Key]>, "half"> : never;
};

/** What the client halves of an app's services give. */
export type ClientsOf<App, Name extends string> = {
  readonly [Key in Name]: Key extends keyof ServicesOf<App> ? Member<TypesOf<ServicesOf<App>[Key]>, "client"> : never;
};

/** What client halves give, where no app says more. */
export type ClientsOfHalves<Halves> = {
  readonly [Key in keyof Halves]: Halves[Key] extends ClientHalf<string, infer Api> ? Api : never;
};
