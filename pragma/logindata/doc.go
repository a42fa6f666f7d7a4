// Package logindata gives clients what they need once, when they start.
//
// Mount a [Service] on the Game backend:
//
//	&logindata.Service{Inventory: items, Plugin: welcome{}}
//
// A client calls GameDataRpc.GetLoginDataV3 (older ones GetLoginDataV2) after it
// has logged in. The [Plugin] names the jobs that put the answer together; they
// run side by side. Its default is one job: the catalog of the inventory service.
// A job that fails leaves its part empty and is logged; the client gets the rest.
package logindata
